/**
 * What one agent of ours is about.
 *
 *   down ──register, connect──► idle ──ping──► pinging ──job──► busy ──run over──► idle
 *     ▲                          │                │
 *     └──── session refused ─────┴────────────────┘      stopped: upstream said disconnect, or we leave
 */
export type SlotState = 'down' | 'idle' | 'pinging' | 'busy' | 'stopped'
