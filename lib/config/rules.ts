import { classFaults } from './class-rules.js'
import type { Fault } from './fault.js'
import type { Values } from './flags.js'
import { listenFaults } from './listen-rules.js'
import { metadataFaults } from './metadata-rules.js'
import { mountFaults } from './mount-rules.js'
import { patchFaults } from './patch-rules.js'
import { textOf } from './values.js'
import { hookFaults, volumeFaults } from './volume-rules.js'

/** What is wrong with the settings taken together, and with what no schema can say of one. Takes any values. */
export function ruleFaults(values: Values): Fault[] {
  const allowCommands = values['allow-pod-spec-patch-unsafe-command-modification'] === true
  return [
    ...listenFaults(values),
    ...endpointFaults(values),
    ...patchFaults(values['pod-spec-patch'], { allowCommands }),
    ...hookFaults(values['agent-config']),
    ...mountFaults(values['agent-config']),
    ...volumeFaults(values),
    ...metadataFaults(values['default-metadata']),
    ...classFaults(values['resource-classes'], textOf(values['default-resource-class-name'])),
  ]
}

// Half of it would leave the Service without a pod behind it, which shows only in jobs that never connect.
function endpointFaults(values: Values): Fault[] {
  const given = (name: 'gateway-service' | 'gateway-address') => textOf(values[name]) !== undefined
  const [service, address] = [given('gateway-service'), given('gateway-address')]
  if (service === address) return []
  const missing = service ? 'gateway-address' : 'gateway-service'
  return [
    {
      path: [missing],
      wanted: 'gateway-service and gateway-address, both or neither',
      found: 'only one of them',
      hint: 'the chart sets both; without a Service of your own set neither',
    },
  ]
}
