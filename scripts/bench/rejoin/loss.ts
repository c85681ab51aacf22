const CLI = 'ip netns exec ap hostapd_cli -p /run/hostapd -i hotspot0'

/** Has the hotspot throw its stations out, as a restart of an access point does: it is there again at once. */
export const LOSS = `${CLI} deauthenticate ff:ff:ff:ff:ff:ff > /dev/null`

/** Has the hotspot forget the keys of its stations. A station that forgets them by itself begins anew at once, and not when it is thrown out. */
export const FORGET = `${CLI} pmksa_flush > /dev/null`
