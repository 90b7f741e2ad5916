import { BlockList, isIPv6 } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import type { V1Node } from '@kubernetes/client-node'
import { Problem } from '../errors.js'

/** What the address of this machine is found out from. */
export interface GatewayPlace {
  /** The port that the gateway listens on. */
  listenPort: number
  nodes: readonly V1Node[]
  /** As `os.networkInterfaces` gives them. */
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>
  /** The name of the kubeconfig's context. */
  context: string
  /** The URL of the API server. */
  server: string
  platform: NodeJS.Platform
}

/**
 * The URL at which pods reach a gateway that runs on this machine and outside the cluster.
 * @throws Problem GATEWAY_URL_UNKNOWN when it cannot be found out
 */
export function gatewayUrl(place: GatewayPlace): string {
  const host =
    ownNodeAddress(place) ??
    addressInNodesNetwork(place) ??
    virtualMachineHost(place) ??
    embeddedClusterAddress(place)
  if (host !== undefined) return `http://${isIPv6(host) ? `[${host}]` : host}:${place.listenPort}`
  throw new Problem(
    'GATEWAY_URL_UNKNOWN',
    'it cannot be found out how pods reach the gateway on this machine',
    {
      where: '--gateway-url',
      wanted: 'an address of this machine in the network of the nodes',
      found: `nodes at ${nodeAddresses(place.nodes).join(', ') || 'no known address'}, and no interface in their network`,
      hint: `give it: --gateway-url http://HOST:${place.listenPort}, where pods can reach HOST`,
    },
  )
}

/** This machine is a node. */
function ownNodeAddress({ nodes, interfaces }: GatewayPlace): string | undefined {
  const own = outward(interfaces).map(({ address }) => address)
  return nodeAddresses(nodes).find(address => own.includes(address))
}

/** This machine has a leg in the nodes' network: a bridge of Docker's, a LAN. */
function addressInNodesNetwork({ nodes, interfaces }: GatewayPlace): string | undefined {
  const addresses = nodeAddresses(nodes)
  const near = outward(interfaces).find(face => addresses.some(address => contains(face, address)))
  return near?.address
}

function contains({ address, cidr, family }: NetworkInterfaceInfo, other: string): boolean {
  if (isIPv6(other) !== (family === 'IPv6') || cidr === null) return false
  const prefix = Number(cidr.split('/')[1])
  const type = family === 'IPv6' ? 'ipv6' : 'ipv4'
  const subnet = new BlockList()
  subnet.addSubnet(address, prefix, type)
  return subnet.check(other, type)
}

/** Kinds of local clusters whose nodes live in a virtual machine, and the name by which that reaches its host. */
const virtualMachines: readonly [RegExp, string][] = [
  [/^(kind-.*|docker-desktop|rancher-desktop|orbstack)$/, 'host.docker.internal'],
  [/^k3d-/, 'host.k3d.internal'],
  [/^minikube$/, 'host.minikube.internal'],
]

function virtualMachineHost({ context, server, platform }: GatewayPlace): string | undefined {
  if ((platform !== 'darwin' && platform !== 'win32') || !isLoopback(server)) return undefined
  return virtualMachines.find(([pattern]) => pattern.test(context))?.[1]
}

/** The sandbox's embedded cluster, whose pods are processes of this machine. */
function embeddedClusterAddress({ nodes, server }: GatewayPlace): string | undefined {
  const [only, ...others] = nodeAddresses(nodes)
  const local = only === '127.0.0.1' && others.length === 0 && isLoopback(server)
  return local ? only : undefined
}

function isLoopback(server: string): boolean {
  const { hostname } = new URL(server)
  return /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname)
}

/** Link-local addresses mean nothing on another machine. */
function outward(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): NetworkInterfaceInfo[] {
  const all = Object.values(interfaces).flatMap(faces => faces ?? [])
  return all.filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address))
}

function nodeAddresses(nodes: readonly V1Node[]): string[] {
  const all = nodes.flatMap(node => node.status?.addresses ?? [])
  return all.filter(({ type }) => type === 'InternalIP').map(({ address }) => address)
}
