/**
 * Seconds that a pod's agent gets at `register`. A short ping interval shortens the pod's life: after its job the agent
 * waits up to one before it goes.
 */
export const intervals = { ping_interval: 1, job_status_interval: 2, heartbeat_interval: 30 }
