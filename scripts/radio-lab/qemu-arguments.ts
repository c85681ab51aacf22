import { join } from 'node:path'

/** Size of the guest's memory, the same for a snapshot and for what is restored from it. */
export const memoryMib = 640

/** Files of one virtual machine. */
export type MachineFiles = {
  kernelFile: string
  initramfsFile: string
  rootImageFile: string
  programDiskFile: string
  stateDiskFile: string
  configDiskFile: string
  /** Where QEMU logs every write and flush of the two disks above, if it does. */
  diskLogs?: Readonly<Record<'state' | 'config', string>>
  /** Folder for sockets and logs of this machine. */
  runFolder: string
}

/** How the machine gets its memory: a plain boot, the boot from which a snapshot is taken, or a snapshot's. */
export type Memory = { from: 'boot' } | { from: 'snapshot-boot'; memoryFile: string } | { from: 'snapshot'; memoryFile: string }

/** Ports on the host's loopback: where the cloud listens, and where the guest's D-Bus appears. */
export type HostPorts = { cloudPort: number; busPort: number }

// Faster than `max` by a second per boot: fewer features to emulate. AES and carry-less multiplication help TLS and CCMP.
// No AVX: without XSAVE nobody may use it, and the kernel's AES code falls over it.
const cpu = 'qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand,+aes,+pclmulqdq,+bmi1,+bmi2,+fsgsbase'

// Mitigations and address randomisation cost time; the emulated clock is good, whatever the kernel's own check says.
const kernelOptions =
  'console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check random.trust_cpu=on net.ifnames=0 systemd.show_status=0'

/** QEMU's command line. */
export function qemuArguments(files: MachineFiles, memory: Memory, ports: HostPorts): string[] {
  const socket = (name: string) => `${join(files.runFolder, name)}.sock,server=on,wait=off`
  const target = memory.from === 'snapshot-boot' ? 'systemd.unit=lab.target' : ''
  return [
    ...['-M', `q35${memory.from === 'boot' ? '' : ',memory-backend=memory'}`, '-accel', 'tcg,thread=multi', '-cpu', cpu, '-smp', '2'],
    ...['-m', `${memoryMib}M`, ...memoryArguments(memory), '-nodefaults', '-no-user-config', '-display', 'none', '-rtc', 'base=utc'],
    ...['-kernel', files.kernelFile, '-initrd', files.initramfsFile],
    ...['-append', `${kernelOptions} lab.cloud_port=${ports.cloudPort} ${target}`],
    ...['-chardev', `file,id=log,path=${join(files.runFolder, 'console.log')},append=on`, '-serial', 'chardev:log'],
    ...['-chardev', `socket,id=shell,path=${socket('shell')}`, '-serial', 'chardev:shell'],
    ...['-chardev', `socket,id=command,path=${socket('command')}`, '-device', 'virtio-serial-pci'],
    ...['-device', 'virtserialport,chardev=command,name=lab.command', '-device', 'virtio-rng-pci'],
    ...disk('root', files.rootImageFile, ',readonly=on'),
    ...disk('zipkey-program', files.programDiskFile, ',readonly=on'),
    ...writableDisk('zipkey-state', files.stateDiskFile, files.diskLogs?.state),
    ...writableDisk('zipkey-config', files.configDiskFile, files.diskLogs?.config),
    // The hotspot's way to the cloud: 10.0.2.2 is the host's loopback.
    ...['-netdev', 'user,id=uplink,ipv6=off', '-device', 'virtio-net-pci,netdev=uplink,mac=52:54:00:00:00:02,romfile='],
    // A test's way to the guest's D-Bus. "restrict" leaves the guest no way out through this card.
    ...['-netdev', `user,id=testbus,net=10.0.3.0/24,ipv6=off,restrict=on,hostfwd=tcp:127.0.0.1:${ports.busPort}-10.0.3.15:5599`],
    ...['-device', 'virtio-net-pci,netdev=testbus,mac=52:54:00:00:00:03,romfile='],
    ...['-pidfile', join(files.runFolder, 'qemu.pid'), '-qmp', `unix:${socket('qmp')}`],
  ]
}

function memoryArguments(memory: Memory): string[] {
  const backend = (file: string, share: 'on' | 'off') => [
    '-object',
    `memory-backend-file,id=memory,size=${memoryMib}M,mem-path=${file},share=${share}`,
  ]
  switch (memory.from) {
    case 'boot':
      return []
    case 'snapshot-boot':
      return backend(memory.memoryFile, 'on')
    case 'snapshot':
      // Not shared: the machine writes to a copy, so that one snapshot serves many machines.
      return [...backend(memory.memoryFile, 'off'), '-incoming', 'defer']
  }
}

function disk(name: string, file: string, options: string): string[] {
  return ['-drive', `if=none,id=${name},file=${file},format=raw${options}`, '-device', `virtio-blk-pci,drive=${name},serial=${name}`]
}

function writableDisk(name: string, file: string, logFile: string | undefined): string[] {
  if (logFile === undefined) return disk(name, file, '')
  const nodes = `file.driver=file,file.filename=${file},log.driver=file,log.filename=${logFile}`
  return [
    ...['-blockdev', `driver=blklogwrites,node-name=${name},log-sector-size=512,${nodes}`],
    ...['-device', `virtio-blk-pci,drive=${name},serial=${name}`],
  ]
}
