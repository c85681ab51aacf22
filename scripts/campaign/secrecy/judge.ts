/** Searches what was harvested: decoys must all be found, each where it was planted, and no secret anywhere but where it belongs. */
import { CHANNEL_NAMES, type Channel, type Control } from './channels.ts'
import type { Decoy } from './decoys.ts'
import { Finder, type Finding, formsOf } from './finder.ts'
import type { Harvest } from './harvest.ts'
import { fitsBusString } from './kit.ts'
import { ANY_TOKEN, type SoughtSecret } from './secret.ts'

/** One channel, judged. */
export type ChannelVerdict = {
  readonly channel: Channel
  readonly bytes: number
  readonly planted: number
  readonly found: number
  readonly missing: readonly string[]
  readonly findings: readonly string[]
}

/** One control: which secrets were found, and what is wrong with that. */
export type ControlVerdict = {
  readonly control: Control
  readonly bytes: number
  readonly found: readonly string[]
  readonly problems: readonly string[]
}

const name = ({ secret, shape, encoding }: Pick<Finding, 'secret' | 'shape' | 'encoding'>): string => `${secret} (${shape}, ${encoding})`

/** Judges all channels. */
export function judgeChannels(harvest: Harvest, secrets: readonly SoughtSecret[], decoys: readonly Decoy[]): readonly ChannelVerdict[] {
  const finder = new Finder([...secrets, ANY_TOKEN, ...decoys.map(({ token }) => token)])
  const planted = new Set(decoys.map(({ token }) => token.shapes[0] && tokenName(token)))
  return CHANNEL_NAMES.map((channel) => {
    const data = harvest.channels[channel]
    const decoy = decoys.find((each) => each.channel === channel)
    if (decoy === undefined) throw new Error(`nothing was planted in ${channel}`)
    const real = withoutPlanted(finder.search(data), planted)
    return {
      channel,
      bytes: data.length,
      ...judgePlants(data, decoy),
      findings: real.map((finding) => name(finding) + where(channel, finding, harvest)),
    }
  })
}

const tokenName = ({ name: text }: SoughtSecret): string => text

/** A planted token is also found as any token: as often as it was planted, that is no finding. */
function withoutPlanted(found: readonly Finding[], planted: ReadonlySet<string | undefined>): readonly Finding[] {
  return found.filter((finding) => {
    if (planted.has(finding.secret)) return false
    if (finding.secret !== ANY_TOKEN.name) return true
    const decoys = found.filter(({ secret, encoding }) => planted.has(secret) && encoding === finding.encoding)
    return finding.count > decoys.reduce((sum, { count }) => sum + count, 0)
  })
}

function judgePlants(data: Buffer, decoy: Decoy): Pick<ChannelVerdict, 'planted' | 'found' | 'missing'> {
  const found = new Set(new Finder(decoy.secrets).search(data).map(name))
  const forms = decoy.secrets.flatMap(formsOf).filter((_, index) => decoy.channel !== 'bus: properties' || isBusText(decoy, index))
  const missing = forms.map(name).filter((each) => !found.has(each))
  return { planted: forms.length, found: forms.length - missing.length, missing }
}

const isBusText = (decoy: Decoy, index: number): boolean => fitsBusString(decoy.records[index] ?? Buffer.alloc(1))

function where(channel: Channel, { offset }: Finding, { files }: Harvest): string {
  if (channel !== 'files') return ` at byte ${offset}`
  return ` in ${files.findLast((file) => file.offset <= offset)?.path}`
}

/** What may be found by a control, and what must. */
const BELONGS: Readonly<Record<Control, { readonly may: RegExp; readonly must: RegExp }>> = {
  'device’s disks': {
    may: /^(provisioning key|temporary secret|issued secret \d|swap nonce \d|certificate key \d)$/,
    must: /^(provisioning key|temporary secret|issued secret [12]|swap nonce [12]|certificate key 1)$/,
  },
  // A certificate's key is encrypted on its way to wpa_supplicant: its passphrase alone is seen.
  'bus: root': {
    may: /: (hotspot password|passphrase)$/,
    must: /^((temporary secret|issued secret [12]): hotspot password|certificate key 1: passphrase)$/,
  },
  'bus: netdev': { may: /: hotspot password$/, must: /^$/ },
}

/** Judges the controls. */
export function judgeControls({ controls }: Harvest, secrets: readonly SoughtSecret[]): readonly ControlVerdict[] {
  const finder = new Finder(secrets)
  return (Object.keys(controls) as Control[]).map((control) => {
    const found = [...new Set(finder.search(controls[control]).map(({ secret }) => secret))]
    const { may, must } = BELONGS[control]
    const astray = found.filter((each) => !may.test(each)).map((each) => `${each} does not belong there`)
    const absent = secrets.filter((each) => must.test(each.name) && !found.includes(each.name)).map((each) => `${each.name} was not found`)
    return { control, bytes: controls[control].length, found, problems: [...astray, ...absent] }
  })
}
