/** A message bus of the laboratory's own, so that the machine's system bus is left alone. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Daemon, startDaemon } from './daemon.ts'

/** A running bus. */
export type MessageBus = { readonly address: string; readonly daemon: Daemon }

/** Starts dbus-daemon with a policy that allows everything: the socket's folder decides who gets in. */
export async function startMessageBus(folder: string): Promise<MessageBus> {
  const socket = join(folder, 'bus')
  const configFile = join(folder, 'bus.conf')
  await writeFile(configFile, busConfig(socket))
  const command = ['dbus-daemon', `--config-file=${configFile}`, '--nofork', '--nopidfile', '--print-address'] as const
  const daemon = await startDaemon({ command, namespace: null, logFile: join(folder, 'bus.log'), readyText: 'unix:path=' })
  return { address: `unix:path=${socket}`, daemon }
}

const busConfig = (socket: string): string => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`
