// Generated from schemas/kubernetes.json by `npm run generate`. Do not edit.

/** How a strategic merge patch changes a field. */
export interface MergeField {
  /** The definition of the object, or of the elements of the list; absent for scalars and maps. */
  type?: string
  list?: true
  /** The key that tells the elements of a merged list of objects apart. */
  mergeKey?: string
  /** Empty: a list is replaced, an object is merged. */
  strategies: readonly ('merge' | 'replace' | 'retainKeys')[]
}

/** The fields of Kubernetes' objects that are lists or objects: definition → field. */
export const kubernetesMerge: Readonly<Record<string, Readonly<Record<string, MergeField>>>> = {
  Affinity: {
    nodeAffinity: { type: 'NodeAffinity', strategies: [] },
    podAffinity: { type: 'PodAffinity', strategies: [] },
    podAntiAffinity: { type: 'PodAntiAffinity', strategies: [] },
  },
  CSIVolumeSource: {
    nodePublishSecretRef: { type: 'LocalObjectReference', strategies: [] },
  },
  Capabilities: {
    add: { list: true, strategies: [] },
    drop: { list: true, strategies: [] },
  },
  CephFSVolumeSource: {
    monitors: { list: true, strategies: [] },
    secretRef: { type: 'LocalObjectReference', strategies: [] },
  },
  CinderVolumeSource: {
    secretRef: { type: 'LocalObjectReference', strategies: [] },
  },
  ClusterTrustBundleProjection: {
    labelSelector: { type: 'LabelSelector', strategies: [] },
  },
  ConfigMapProjection: {
    items: { type: 'KeyToPath', list: true, strategies: [] },
  },
  ConfigMapVolumeSource: {
    items: { type: 'KeyToPath', list: true, strategies: [] },
  },
  Container: {
    args: { list: true, strategies: [] },
    command: { list: true, strategies: [] },
    env: { type: 'EnvVar', list: true, mergeKey: 'name', strategies: ['merge'] },
    envFrom: { type: 'EnvFromSource', list: true, strategies: [] },
    lifecycle: { type: 'Lifecycle', strategies: [] },
    livenessProbe: { type: 'Probe', strategies: [] },
    ports: { type: 'ContainerPort', list: true, mergeKey: 'containerPort', strategies: ['merge'] },
    readinessProbe: { type: 'Probe', strategies: [] },
    resizePolicy: { type: 'ContainerResizePolicy', list: true, strategies: [] },
    resources: { type: 'ResourceRequirements', strategies: [] },
    restartPolicyRules: { type: 'ContainerRestartRule', list: true, strategies: [] },
    securityContext: { type: 'SecurityContext', strategies: [] },
    startupProbe: { type: 'Probe', strategies: [] },
    volumeDevices: { type: 'VolumeDevice', list: true, mergeKey: 'devicePath', strategies: ['merge'] },
    volumeMounts: { type: 'VolumeMount', list: true, mergeKey: 'mountPath', strategies: ['merge'] },
  },
  ContainerRestartRule: {
    exitCodes: { type: 'ContainerRestartRuleOnExitCodes', strategies: [] },
  },
  ContainerRestartRuleOnExitCodes: {
    values: { list: true, strategies: [] },
  },
  DownwardAPIProjection: {
    items: { type: 'DownwardAPIVolumeFile', list: true, strategies: [] },
  },
  DownwardAPIVolumeFile: {
    fieldRef: { type: 'ObjectFieldSelector', strategies: [] },
    resourceFieldRef: { type: 'ResourceFieldSelector', strategies: [] },
  },
  DownwardAPIVolumeSource: {
    items: { type: 'DownwardAPIVolumeFile', list: true, strategies: [] },
  },
  EnvFromSource: {
    configMapRef: { type: 'ConfigMapEnvSource', strategies: [] },
    secretRef: { type: 'SecretEnvSource', strategies: [] },
  },
  EnvVar: {
    valueFrom: { type: 'EnvVarSource', strategies: [] },
  },
  EnvVarSource: {
    configMapKeyRef: { type: 'ConfigMapKeySelector', strategies: [] },
    fieldRef: { type: 'ObjectFieldSelector', strategies: [] },
    fileKeyRef: { type: 'FileKeySelector', strategies: [] },
    resourceFieldRef: { type: 'ResourceFieldSelector', strategies: [] },
    secretKeyRef: { type: 'SecretKeySelector', strategies: [] },
  },
  EphemeralContainer: {
    args: { list: true, strategies: [] },
    command: { list: true, strategies: [] },
    env: { type: 'EnvVar', list: true, mergeKey: 'name', strategies: ['merge'] },
    envFrom: { type: 'EnvFromSource', list: true, strategies: [] },
    lifecycle: { type: 'Lifecycle', strategies: [] },
    livenessProbe: { type: 'Probe', strategies: [] },
    ports: { type: 'ContainerPort', list: true, mergeKey: 'containerPort', strategies: ['merge'] },
    readinessProbe: { type: 'Probe', strategies: [] },
    resizePolicy: { type: 'ContainerResizePolicy', list: true, strategies: [] },
    resources: { type: 'ResourceRequirements', strategies: [] },
    restartPolicyRules: { type: 'ContainerRestartRule', list: true, strategies: [] },
    securityContext: { type: 'SecurityContext', strategies: [] },
    startupProbe: { type: 'Probe', strategies: [] },
    volumeDevices: { type: 'VolumeDevice', list: true, mergeKey: 'devicePath', strategies: ['merge'] },
    volumeMounts: { type: 'VolumeMount', list: true, mergeKey: 'mountPath', strategies: ['merge'] },
  },
  EphemeralVolumeSource: {
    volumeClaimTemplate: { type: 'PersistentVolumeClaimTemplate', strategies: [] },
  },
  ExecAction: {
    command: { list: true, strategies: [] },
  },
  FCVolumeSource: {
    targetWWNs: { list: true, strategies: [] },
    wwids: { list: true, strategies: [] },
  },
  FlexVolumeSource: {
    secretRef: { type: 'LocalObjectReference', strategies: [] },
  },
  HTTPGetAction: {
    httpHeaders: { type: 'HTTPHeader', list: true, strategies: [] },
  },
  HostAlias: {
    hostnames: { list: true, strategies: [] },
  },
  ISCSIVolumeSource: {
    portals: { list: true, strategies: [] },
    secretRef: { type: 'LocalObjectReference', strategies: [] },
  },
  LabelSelector: {
    matchExpressions: { type: 'LabelSelectorRequirement', list: true, strategies: [] },
  },
  LabelSelectorRequirement: {
    values: { list: true, strategies: [] },
  },
  Lifecycle: {
    postStart: { type: 'LifecycleHandler', strategies: [] },
    preStop: { type: 'LifecycleHandler', strategies: [] },
  },
  LifecycleHandler: {
    exec: { type: 'ExecAction', strategies: [] },
    httpGet: { type: 'HTTPGetAction', strategies: [] },
    sleep: { type: 'SleepAction', strategies: [] },
    tcpSocket: { type: 'TCPSocketAction', strategies: [] },
  },
  NodeAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: { type: 'PreferredSchedulingTerm', list: true, strategies: [] },
    requiredDuringSchedulingIgnoredDuringExecution: { type: 'NodeSelector', strategies: [] },
  },
  NodeSelector: {
    nodeSelectorTerms: { type: 'NodeSelectorTerm', list: true, strategies: [] },
  },
  NodeSelectorRequirement: {
    values: { list: true, strategies: [] },
  },
  NodeSelectorTerm: {
    matchExpressions: { type: 'NodeSelectorRequirement', list: true, strategies: [] },
    matchFields: { type: 'NodeSelectorRequirement', list: true, strategies: [] },
  },
  ObjectMeta: {
    finalizers: { list: true, strategies: ['merge'] },
    managedFields: { type: 'ManagedFieldsEntry', list: true, strategies: [] },
    ownerReferences: { type: 'OwnerReference', list: true, mergeKey: 'uid', strategies: ['merge'] },
  },
  PersistentVolumeClaimSpec: {
    accessModes: { list: true, strategies: [] },
    dataSource: { type: 'TypedLocalObjectReference', strategies: [] },
    dataSourceRef: { type: 'TypedObjectReference', strategies: [] },
    resources: { type: 'VolumeResourceRequirements', strategies: [] },
    selector: { type: 'LabelSelector', strategies: [] },
  },
  PersistentVolumeClaimTemplate: {
    metadata: { type: 'ObjectMeta', strategies: [] },
    spec: { type: 'PersistentVolumeClaimSpec', strategies: [] },
  },
  PodAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: { type: 'WeightedPodAffinityTerm', list: true, strategies: [] },
    requiredDuringSchedulingIgnoredDuringExecution: { type: 'PodAffinityTerm', list: true, strategies: [] },
  },
  PodAffinityTerm: {
    labelSelector: { type: 'LabelSelector', strategies: [] },
    matchLabelKeys: { list: true, strategies: [] },
    mismatchLabelKeys: { list: true, strategies: [] },
    namespaceSelector: { type: 'LabelSelector', strategies: [] },
    namespaces: { list: true, strategies: [] },
  },
  PodAntiAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: { type: 'WeightedPodAffinityTerm', list: true, strategies: [] },
    requiredDuringSchedulingIgnoredDuringExecution: { type: 'PodAffinityTerm', list: true, strategies: [] },
  },
  PodDNSConfig: {
    nameservers: { list: true, strategies: [] },
    options: { type: 'PodDNSConfigOption', list: true, strategies: [] },
    searches: { list: true, strategies: [] },
  },
  PodSecurityContext: {
    appArmorProfile: { type: 'AppArmorProfile', strategies: [] },
    seLinuxOptions: { type: 'SELinuxOptions', strategies: [] },
    seccompProfile: { type: 'SeccompProfile', strategies: [] },
    supplementalGroups: { list: true, strategies: [] },
    sysctls: { type: 'Sysctl', list: true, strategies: [] },
    windowsOptions: { type: 'WindowsSecurityContextOptions', strategies: [] },
  },
  PodSpec: {
    affinity: { type: 'Affinity', strategies: [] },
    containers: { type: 'Container', list: true, mergeKey: 'name', strategies: ['merge'] },
    dnsConfig: { type: 'PodDNSConfig', strategies: [] },
    ephemeralContainers: { type: 'EphemeralContainer', list: true, mergeKey: 'name', strategies: ['merge'] },
    hostAliases: { type: 'HostAlias', list: true, mergeKey: 'ip', strategies: ['merge'] },
    imagePullSecrets: { type: 'LocalObjectReference', list: true, mergeKey: 'name', strategies: ['merge'] },
    initContainers: { type: 'Container', list: true, mergeKey: 'name', strategies: ['merge'] },
    os: { type: 'PodOS', strategies: [] },
    readinessGates: { type: 'PodReadinessGate', list: true, strategies: [] },
    resourceClaims: { type: 'PodResourceClaim', list: true, mergeKey: 'name', strategies: ['merge', 'retainKeys'] },
    resources: { type: 'ResourceRequirements', strategies: [] },
    schedulingGates: { type: 'PodSchedulingGate', list: true, mergeKey: 'name', strategies: ['merge'] },
    securityContext: { type: 'PodSecurityContext', strategies: [] },
    tolerations: { type: 'Toleration', list: true, strategies: [] },
    topologySpreadConstraints: { type: 'TopologySpreadConstraint', list: true, mergeKey: 'topologyKey', strategies: ['merge'] },
    volumes: { type: 'Volume', list: true, mergeKey: 'name', strategies: ['merge', 'retainKeys'] },
  },
  PreferredSchedulingTerm: {
    preference: { type: 'NodeSelectorTerm', strategies: [] },
  },
  Probe: {
    exec: { type: 'ExecAction', strategies: [] },
    grpc: { type: 'GRPCAction', strategies: [] },
    httpGet: { type: 'HTTPGetAction', strategies: [] },
    tcpSocket: { type: 'TCPSocketAction', strategies: [] },
  },
  ProjectedVolumeSource: {
    sources: { type: 'VolumeProjection', list: true, strategies: [] },
  },
  RBDVolumeSource: {
    monitors: { list: true, strategies: [] },
    secretRef: { type: 'LocalObjectReference', strategies: [] },
  },
  ResourceRequirements: {
    claims: { type: 'ResourceClaim', list: true, strategies: [] },
  },
  ScaleIOVolumeSource: {
    secretRef: { type: 'LocalObjectReference', strategies: [] },
  },
  SecretProjection: {
    items: { type: 'KeyToPath', list: true, strategies: [] },
  },
  SecretVolumeSource: {
    items: { type: 'KeyToPath', list: true, strategies: [] },
  },
  SecurityContext: {
    appArmorProfile: { type: 'AppArmorProfile', strategies: [] },
    capabilities: { type: 'Capabilities', strategies: [] },
    seLinuxOptions: { type: 'SELinuxOptions', strategies: [] },
    seccompProfile: { type: 'SeccompProfile', strategies: [] },
    windowsOptions: { type: 'WindowsSecurityContextOptions', strategies: [] },
  },
  StorageOSVolumeSource: {
    secretRef: { type: 'LocalObjectReference', strategies: [] },
  },
  TopologySpreadConstraint: {
    labelSelector: { type: 'LabelSelector', strategies: [] },
    matchLabelKeys: { list: true, strategies: [] },
  },
  Volume: {
    awsElasticBlockStore: { type: 'AWSElasticBlockStoreVolumeSource', strategies: [] },
    azureDisk: { type: 'AzureDiskVolumeSource', strategies: [] },
    azureFile: { type: 'AzureFileVolumeSource', strategies: [] },
    cephfs: { type: 'CephFSVolumeSource', strategies: [] },
    cinder: { type: 'CinderVolumeSource', strategies: [] },
    configMap: { type: 'ConfigMapVolumeSource', strategies: [] },
    csi: { type: 'CSIVolumeSource', strategies: [] },
    downwardAPI: { type: 'DownwardAPIVolumeSource', strategies: [] },
    emptyDir: { type: 'EmptyDirVolumeSource', strategies: [] },
    ephemeral: { type: 'EphemeralVolumeSource', strategies: [] },
    fc: { type: 'FCVolumeSource', strategies: [] },
    flexVolume: { type: 'FlexVolumeSource', strategies: [] },
    flocker: { type: 'FlockerVolumeSource', strategies: [] },
    gcePersistentDisk: { type: 'GCEPersistentDiskVolumeSource', strategies: [] },
    gitRepo: { type: 'GitRepoVolumeSource', strategies: [] },
    glusterfs: { type: 'GlusterfsVolumeSource', strategies: [] },
    hostPath: { type: 'HostPathVolumeSource', strategies: [] },
    image: { type: 'ImageVolumeSource', strategies: [] },
    iscsi: { type: 'ISCSIVolumeSource', strategies: [] },
    nfs: { type: 'NFSVolumeSource', strategies: [] },
    persistentVolumeClaim: { type: 'PersistentVolumeClaimVolumeSource', strategies: [] },
    photonPersistentDisk: { type: 'PhotonPersistentDiskVolumeSource', strategies: [] },
    portworxVolume: { type: 'PortworxVolumeSource', strategies: [] },
    projected: { type: 'ProjectedVolumeSource', strategies: [] },
    quobyte: { type: 'QuobyteVolumeSource', strategies: [] },
    rbd: { type: 'RBDVolumeSource', strategies: [] },
    scaleIO: { type: 'ScaleIOVolumeSource', strategies: [] },
    secret: { type: 'SecretVolumeSource', strategies: [] },
    storageos: { type: 'StorageOSVolumeSource', strategies: [] },
    vsphereVolume: { type: 'VsphereVirtualDiskVolumeSource', strategies: [] },
  },
  VolumeProjection: {
    clusterTrustBundle: { type: 'ClusterTrustBundleProjection', strategies: [] },
    configMap: { type: 'ConfigMapProjection', strategies: [] },
    downwardAPI: { type: 'DownwardAPIProjection', strategies: [] },
    podCertificate: { type: 'PodCertificateProjection', strategies: [] },
    secret: { type: 'SecretProjection', strategies: [] },
    serviceAccountToken: { type: 'ServiceAccountTokenProjection', strategies: [] },
  },
  WeightedPodAffinityTerm: {
    podAffinityTerm: { type: 'PodAffinityTerm', strategies: [] },
  },
}
