import type { NetworkInterfaceInfo } from 'node:os'
import type { V1Node } from '@kubernetes/client-node'
import t from 'tap'
import { gatewayUrl, type GatewayPlace } from '../../lib/cluster/gateway-url.js'

function node(...addresses: string[]): V1Node {
  return {
    status: { addresses: addresses.map(address => ({ type: 'InternalIP', address })) },
  }
}

function face(cidr: string, internal = false): NetworkInterfaceInfo {
  const address = cidr.split('/')[0] ?? ''
  const common = { address, cidr, internal, mac: '', netmask: '' }
  return address.includes(':')
    ? { ...common, family: 'IPv6', scopeid: 0 }
    : { ...common, family: 'IPv4' }
}

const loopback = { lo: [face('127.0.0.1/8', true), face('::1/128', true)] }

function place(given: Partial<GatewayPlace>): GatewayPlace {
  return {
    listenPort: 8480,
    nodes: [node('10.0.0.5')],
    interfaces: loopback,
    context: 'prod',
    server: 'https://api.example.com',
    platform: 'linux',
    ...given,
  }
}

const local = { server: 'https://127.0.0.1:6443', platform: 'darwin' as const }
const known: [string, Partial<GatewayPlace>, string][] = [
  [
    'this machine is a node',
    { interfaces: { ...loopback, eth0: [face('192.168.1.9/24'), face('10.0.0.5/32')] } },
    'http://10.0.0.5:8480',
  ],
  [
    "a bridge in the nodes' network",
    { interfaces: { eth0: [face('192.168.1.9/24')], br0: [face('10.0.0.1/16')] } },
    'http://10.0.0.1:8480',
  ],
  [
    'any of several nodes',
    { nodes: [node('10.9.0.1'), node('172.18.0.3')], interfaces: { br: [face('172.18.0.1/16')] } },
    'http://172.18.0.1:8480',
  ],
  [
    'IPv6',
    {
      nodes: [node('fd00:1::5')],
      interfaces: { eth0: [face('fe80::1/64'), face('fd00:1::9/64')] },
    },
    'http://[fd00:1::9]:8480',
  ],
  ['kind in a machine', { ...local, context: 'kind-ci' }, 'http://host.docker.internal:8480'],
  ['Docker Desktop', { ...local, context: 'docker-desktop' }, 'http://host.docker.internal:8480'],
  [
    'Rancher Desktop on Windows, by name',
    { server: 'https://localhost:1', platform: 'win32', context: 'rancher-desktop' },
    'http://host.docker.internal:8480',
  ],
  ['OrbStack', { ...local, context: 'orbstack' }, 'http://host.docker.internal:8480'],
  ['k3d', { ...local, context: 'k3d-x' }, 'http://host.k3d.internal:8480'],
  ['minikube', { ...local, context: 'minikube' }, 'http://host.minikube.internal:8480'],
  [
    'the embedded cluster',
    { nodes: [node('127.0.0.1')], server: 'http://127.0.0.1:4000', listenPort: 1 },
    'http://127.0.0.1:1',
  ],
]

const unknown: [string, Partial<GatewayPlace>][] = [
  ['a cluster far away', { interfaces: { eth0: [face('192.168.1.9/24')] } }],
  ['a netmask that just leaves the nodes out', { interfaces: { eth0: [face('10.0.0.9/30')] } }],
  ['kind on Linux without its bridge', { ...local, platform: 'linux', context: 'kind-ci' }],
  ['a remote server with a local name', { platform: 'darwin', context: 'kind-ci' }],
  ['a loopback node of a remote server', { nodes: [node('127.0.0.1')] }],
  ['two loopback nodes', { ...local, nodes: [node('127.0.0.1'), node('127.0.0.2')] }],
  ['no nodes', { nodes: [] }],
]

t.test('the address of this machine in the network of the nodes is found out', async t => {
  for (const [why, given, wanted] of known) t.equal(gatewayUrl(place(given)), wanted, why)
})

t.test('what cannot be found out is a problem that names the flag', async t => {
  for (const [why, given] of unknown) {
    const wanted = { code: 'GATEWAY_URL_UNKNOWN', hint: /--gateway-url/ }
    t.throws(() => gatewayUrl(place(given)), wanted, why)
  }
})
