import { describe, expect, it } from 'vitest'
import { explore } from '../../explorer/explore.ts'
import { product } from '../../explorer/product.ts'
import { BARE, SCENARIOS } from '../../explorer/scenarios.ts'

/** Far fewer would mean that choices went missing. */
const FEWEST_STATES = 800

describe('every state within a few disturbances', { timeout: 60_000 }, () => {
  it.each(SCENARIOS)('keeps each promise of the swap: $scenario.name, $depth deep', async ({ scenario, depth }) => {
    const { states, steps, violation } = await explore(product, scenario, depth)
    console.log(`${scenario.name}: depth ${depth}: ${states} states, ${steps} steps`)
    expect(violation).toBeNull()
    expect(states).toBeGreaterThan(FEWEST_STATES)
  })

  it('is the same each time', async () => {
    expect(await explore(product, BARE, 1)).toEqual(await explore(product, BARE, 1))
  })
})
