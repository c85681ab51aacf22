/** How long a device that waits for the end of a recovery is told to. */

// Devices that waited together do not come back together.
const SPREAD_S = 300

/** Seconds until then, and a while more that chance decides. */
export const waitS = (untilMs: number, nowMs: number): number => Math.ceil((untilMs - nowMs) / 1000 + Math.random() * SPREAD_S)
