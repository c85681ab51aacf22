/** Hotspot profiles from and to the contract's form of them. */
import type { EapForm, HotspotForm, LoginForm } from '../contract/hotspot-form.ts'
import type { EapSettings, HotspotProfile, PageLogin } from './hotspot.ts'
import { Secret } from './secret.ts'

/** The profile, with the realm as AAA domain where none is named. */
export function profileOf(form: HotspotForm, realm: string): HotspotProfile {
  switch (form.security) {
    case 'wired-eap':
      return { security: form.security, eap: settingsOf(form.eap, realm) }
    case 'wpa-eap':
      return { ...form, eap: settingsOf(form.eap, realm) }
    case 'passpoint':
      return { ...form, realm: form.realm ?? realm, eap: settingsOf(form.eap, realm) }
    case 'sae':
    case 'psk':
      return { ...form, passphrase: new Secret(form.passphrase), login: loginOf(form.login) }
    case 'owe':
    case 'open':
      return { ...form, login: loginOf(form.login) }
  }
}

/** The form, with its passphrase in the clear: for the device's own disk. */
export function formOf(profile: HotspotProfile): HotspotForm {
  switch (profile.security) {
    case 'wired-eap':
      return { security: profile.security, eap: eapFormOf(profile.eap) }
    case 'wpa-eap':
      return { ...profile, eap: eapFormOf(profile.eap) }
    case 'passpoint':
      return { ...profile, eap: eapFormOf(profile.eap) }
    case 'sae':
    case 'psk':
      return { ...profile, passphrase: profile.passphrase.reveal(), login: loginFormOf(profile.login) }
    case 'owe':
    case 'open':
      return { ...profile, login: loginFormOf(profile.login) }
  }
}

const settingsOf = ({ ca, aaaDomain, ...rest }: EapForm, realm: string): EapSettings => ({
  ...rest,
  caPem: ca,
  aaaDomain: aaaDomain ?? realm,
})

const eapFormOf = ({ caPem, ...rest }: EapSettings): EapForm => ({ ...rest, ca: caPem })

const loginOf = (form: LoginForm | null): PageLogin | null => {
  if (form === null) return null
  const { ca, password, ...rest } = form
  return { ...rest, caPem: ca, password: new Secret(password) }
}

const loginFormOf = (login: PageLogin | null): LoginForm | null => {
  if (login === null) return null
  const { caPem, password, ...rest } = login
  return { ...rest, ca: caPem, password: password.reveal() }
}
