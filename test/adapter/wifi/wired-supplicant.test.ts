/** The adapter against real wpa_supplicant and hostapd. */
import { describeSupplicant } from './supplicant-suite.ts'
import { openWiredWorld } from './wired-world.ts'

describeSupplicant('wpa_supplicant on a wire', openWiredWorld)
