import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { CommandChannel, CommandResult, Follower } from './command-channel.ts'
import { type DiskRecordings, startRecording } from './disk-recording.ts'
import { Hotspot } from './hotspot.ts'
import type { HostPorts, MachineFiles } from './qemu-arguments.ts'
import type { Snapshot } from './snapshot.ts'
import { VirtualMachine } from './virtual-machine.ts'

const bootDeadlineMs = 120_000

/** How the machine comes up: as it was when the snapshot was taken (fast, without the agent), or by a boot of its own (with it). */
export type PowerOn = 'snapshot' | 'boot'

/** A running lab: the device, and the hotspot around it. */
export class Lab {
  readonly hotspot = new Hotspot((script) => this.sh(script))
  readonly #files: MachineFiles
  readonly #snapshot: Snapshot
  readonly #ports: HostPorts
  readonly #followers = new Set<(channel: CommandChannel) => void>()
  readonly #recordingFolder: string | null
  #recordings: DiskRecordings | null = null
  #machine: VirtualMachine | undefined

  constructor(files: MachineFiles, snapshot: Snapshot, ports: HostPorts, recordingFolder: string | null) {
    this.#files = files
    this.#snapshot = snapshot
    this.#ports = ports
    this.#recordingFolder = recordingFolder
  }

  /** Address of the guest's system D-Bus for a client on the host, whose user id must be root's. */
  get busAddress(): string {
    return `tcp:host=127.0.0.1,port=${this.#ports.busPort}`
  }

  /** What to type on the host to get a root shell on the device; Ctrl-] leaves it. */
  get shellCommand(): string {
    return `socat -,raw,echo=0,escape=0x1d UNIX-CONNECT:${join(this.#files.runFolder, 'shell.sock')}`
  }

  /** The kernel's and systemd's own messages, all boots of this lab. */
  get consoleLogFile(): string {
    return join(this.#files.runFolder, 'console.log')
  }

  /** Process id of QEMU, while the power is on. */
  get pid(): number | undefined {
    return this.#machine?.pid
  }

  /** The device's state disk; a copy of it may be read while the power is off. */
  get stateDiskFile(): string {
    return this.#files.stateDiskFile
  }

  /** What was recorded of the disks since the power was last switched on. */
  get recordings(): DiskRecordings {
    if (this.#recordings === null) throw new Error('this lab does not record its disks')
    return this.#recordings
  }

  /** Switches the power on. */
  async powerOn(from: PowerOn): Promise<void> {
    if (this.#machine !== undefined) throw new Error('the power is on already')
    const memory = from === 'boot' ? ({ from: 'boot' } as const) : ({ from: 'snapshot', memoryFile: this.#snapshot.memoryFile } as const)
    this.#machine = await VirtualMachine.start({ ...this.#files, ...(await this.#startRecording()) }, memory, this.#ports)
    const { channel } = this.#machine
    channel.onReady(() => this.#restartFollowers())
    switch (from) {
      case 'boot':
        await channel.nextReady(bootDeadlineMs)
        return
      case 'snapshot':
        await this.#machine.restoreState(this.#snapshot.stateFile)
        await this.sh(`date --set=@${Date.now() / 1000} >/dev/null && /usr/lib/radio-lab/walled-garden ${this.#ports.cloudPort}`)
        this.#restartFollowers()
    }
  }

  /** Cuts the power, at once; the disks keep what was written to them. */
  async cutPower(): Promise<void> {
    await this.#machine?.kill()
    this.#machine = undefined
  }

  /** Mounts the disks and starts the agent, and whatever else a boot would start, without waiting for it. */
  async startAgent(): Promise<void> {
    await this.sh('systemctl start --no-block multi-user.target')
  }

  /** Reboots the machine from within and waits until the new kernel's systemd takes commands. The agent then starts by itself. */
  async reboot(): Promise<void> {
    const { channel } = this.#running()
    const ready = channel.nextReady(bootDeadlineMs)
    await channel.run('systemctl reboot', 20_000).catch(() => undefined)
    await ready
  }

  /** Runs a bash script as root on the device and gives its output; throws when it fails. */
  async sh(script: string, options: { timeoutMs?: number } = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.trySh(script, options)
    if (exitCode !== 0) throw new Error(`in the guest, exit code ${exitCode}: ${script}\n${stderr || stdout}`)
    return stdout.trimEnd()
  }

  /** Runs a bash script as root on the device and tells how it went. */
  trySh(script: string, options: { timeoutMs?: number } = {}): Promise<CommandResult> {
    return this.#running().channel.run(script, options.timeoutMs ?? 30_000)
  }

  /** Passes on every line that a script on the device prints; it is started anew after each boot. */
  follow(script: string, onLine: (line: string) => void): { stop: () => void } {
    let follower: Follower | undefined
    const start = (channel: CommandChannel) => {
      follower = channel.follow(script, onLine)
    }
    this.#followers.add(start)
    start(this.#running().channel)
    return {
      stop: () => {
        this.#followers.delete(start)
        follower?.stop()
      },
    }
  }

  /** Passes on every line that a systemd unit logs, from the beginning of each boot. */
  followJournal(unit: string, onLine: (line: string) => void): { stop: () => void } {
    return this.follow(`journalctl --boot --lines=all --follow --output=cat --unit=${unit}`, onLine)
  }

  /** Passes on a line for every packet that the device sends to or gets from the cloud over its radio. */
  followCloudPackets(onLine: (line: string) => void): { stop: () => void } {
    // It ends when the interface goes down or away, and cannot start before it is up.
    const capture = 'tcpdump --interface=wlan0 --relinquish-privileges=root --immediate-mode -l -n -q host 203.0.113.1'
    return this.follow(`while sleep 0.1; do ${capture}; done`, onLine)
  }

  /** Switches everything off and removes the lab's disks and logs. */
  async close(): Promise<void> {
    await this.cutPower()
    rmSync(this.#files.runFolder, { recursive: true, force: true })
  }

  async #startRecording(): Promise<Pick<MachineFiles, 'diskLogs'>> {
    if (this.#recordingFolder === null) return {}
    this.#recordings = await startRecording(this.#recordingFolder, this.#files)
    const { state, config } = this.#recordings
    return { diskLogs: { state: state.logFile, config: config.logFile } }
  }

  #running(): VirtualMachine {
    if (this.#machine === undefined) throw new Error('the power is off')
    return this.#machine
  }

  #restartFollowers(): void {
    for (const start of this.#followers) start(this.#running().channel)
  }
}
