// Keys and certificates of one lab, made on the machine that runs it and kept in `.lab/`.
import { join } from 'node:path'
import { type CertificateFiles, createAuthority, issueServer } from '../pki.ts'
import { buildOnce } from './lab-folder.ts'

/** Host name of the Cloud API, as the hotspot's DNS answers it and its certificate says. */
export const cloudHostName = 'api.zipkey.test'

/** Name in the AAA server's certificate, which a hotspot profile asks for. */
export const aaaServerName = 'aaa.zipkey.test'

/** Host name of the hotspot's login page. */
export const portalHostName = 'portal.zipkey.test'

/** Everything that lab and test sign with, or check against. */
export type LabPki = {
  folder: string
  /** CA of the AAA server: goes into the device's hotspot profile. */
  aaaCaFile: string
  aaa: CertificateFiles
  /** From the right CA but with another name. */
  otherName: CertificateFiles
  /** CA of the evil twin, which nobody trusts. */
  evilCaFile: string
  evilAaa: CertificateFiles
  /** CA of the Cloud API's TLS. */
  cloudCaFile: string
  cloud: CertificateFiles
  /** CA of the login page, which a hotspot profile pins, and the page's certificate. */
  portalCaFile: string
  portal: CertificateFiles
  /** CA of the devices' certificates, which the lab's cloud signs with. */
  deviceCa: CertificateFiles
}

/** Gives the lab's certificates, made the first time. */
export async function preparePki(): Promise<LabPki> {
  const folder = await buildOnce('pki', '4', async (unfinished) => {
    const aaaCa = await createAuthority(unfinished, 'aaa-ca')
    const evilCa = await createAuthority(unfinished, 'evil-ca')
    const cloudCa = await createAuthority(unfinished, 'cloud-ca')
    await createAuthority(unfinished, 'device-ca')
    await issueServer(unfinished, aaaCa, { name: 'aaa', dnsName: aaaServerName })
    await issueServer(unfinished, aaaCa, { name: 'other-name', dnsName: 'other.zipkey.test' })
    await issueServer(unfinished, evilCa, { name: 'evil-aaa', dnsName: aaaServerName })
    await issueServer(unfinished, cloudCa, { name: 'cloud', dnsName: cloudHostName })
    const portalCa = await createAuthority(unfinished, 'portal-ca')
    await issueServer(unfinished, portalCa, { name: 'portal', dnsName: portalHostName })
  })
  const files = (name: string) => ({ certificateFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}.key`) })
  return {
    folder,
    aaaCaFile: join(folder, 'aaa-ca.pem'),
    aaa: files('aaa'),
    otherName: files('other-name'),
    evilCaFile: join(folder, 'evil-ca.pem'),
    evilAaa: files('evil-aaa'),
    cloudCaFile: join(folder, 'cloud-ca.pem'),
    cloud: files('cloud'),
    deviceCa: files('device-ca'),
    portalCaFile: join(folder, 'portal-ca.pem'),
    portal: files('portal'),
  }
}
