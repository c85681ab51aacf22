const CLI = 'ip netns exec ap hostapd_cli -p /run/hostapd -i hotspot0'

/** Has the hotspot throw its stations out, as a restart of an access point does: it is there again at once. */
export const LOSS = `${CLI} deauthenticate ff:ff:ff:ff:ff:ff > /dev/null`

/** What is left of the keys from before: with none EAP is run in full. */
export type Keys = 'none' | 'kept'

/** What comes with a start is over by then: on an emulated CPU a program that has just begun to run takes its time. */
const CALM_S = 4

/**
 * Waits, and has the hotspot forget the keys of its stations, or not. A station that forgets them by itself begins anew at once, and not when it is
 * thrown out.
 */
export const BEFORE_LOSS: { readonly [K in Keys]: string } = {
  none: `sleep ${CALM_S}; ${CLI} pmksa_flush > /dev/null`,
  kept: `sleep ${CALM_S}`,
}
