/** All mutations, by rule. */
import { ASK_AGAIN } from './asking.ts'
import { STORE_THE_KEY_FIRST } from './certificates.ts'
import { KEEP_AND_ROTATE } from './keeping.ts'
import type { Mutation } from './mutation.ts'
import { PROVE_THEN_PROMOTE } from './proving.ts'
import { STORE_BEFORE_USE } from './storing.ts'

export const MUTATIONS: readonly Mutation[] = [
  ...STORE_BEFORE_USE,
  ...PROVE_THEN_PROMOTE,
  ...ASK_AGAIN,
  ...KEEP_AND_ROTATE,
  ...STORE_THE_KEY_FIRST,
]
