import { describe, expect, it } from 'vitest'
import { explore } from '../../explorer/explore.ts'
import { mutantOf, patched } from '../../explorer/mutant.ts'
import { MUTATIONS } from '../../explorer/mutations/all.ts'

describe('the explorer catches it when', { timeout: 60_000 }, () => {
  it.each(MUTATIONS)('$breaks ($caughtAs)', async ({ patch, scenario, depth, caughtAs }) => {
    const { violation } = await explore(await mutantOf([patch]), scenario, depth)
    expect(violation).toMatchObject({ property: caughtAs })
  })

  it('nothing is changed: then there is nothing to catch', async () => {
    const unchanged = await mutantOf([])
    for (const scenario of new Set(MUTATIONS.map((mutation) => mutation.scenario))) {
      expect((await explore(unchanged, scenario, 1)).violation).toBeNull()
    }
  })
})

describe('a mutation', () => {
  const [{ patch } = { patch: { file: '', replace: '', by: '' } }] = MUTATIONS

  it('fails when its text does not stand in the file any more', async () => {
    await expect(patched({ ...patch, replace: 'no such text' })).rejects.toThrow('0 times instead of once')
    await expect(mutantOf([{ ...patch, replace: 'no such text' }])).rejects.toThrow('0 times instead of once')
  })

  it('fails when its text stands in more than one place', async () => {
    await expect(patched({ ...patch, replace: 'journey' })).rejects.toThrow(/[1-9]\d* times instead of once/)
  })

  it('fails when its file is not among what is explored', async () => {
    await expect(mutantOf([{ ...patch, file: 'agent/main.ts' }])).rejects.toThrow('nothing that is explored imports agent/main.ts')
  })
})
