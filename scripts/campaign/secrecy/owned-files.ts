/** Whether the agent's own files have any other reader than the agent (and root). */

/** One entry of `find -printf '%m %U %G %y %p'`. */
type Entry = { readonly mode: number; readonly user: number; readonly group: number; readonly path: string }

/** The file that was planted so that it is objected to. */
export const PLANTED_PATH = '/var/lib/zipkey/planted-for-others'

function parseEntries(listing: string): readonly Entry[] {
  return listing
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [mode = '', user, group, , ...path] = line.split(' ')
      return { mode: Number.parseInt(mode, 8), user: Number(user), group: Number(group), path: path.join(' ') }
    })
}

/** Objections to the listing; `accounts` is the agent's line of passwd(5) and then of group(5). */
export function objectToReaders(listing: string, accounts: string): readonly string[] {
  const [passwd = '', group = ''] = accounts.trim().split('\n')
  const agent = { user: Number(passwd.split(':')[2]), group: Number(group.split(':')[2]) }
  const members = group.split(':')[3] ?? ''
  const others = parseEntries(listing).flatMap(({ mode, user, group: ofGroup, path }) => {
    if (mode & 0o004) return [`everybody may read ${path}`]
    if (mode & 0o040 && ofGroup !== agent.group && ofGroup !== 0) return [`group ${ofGroup} may read ${path}`]
    return user === agent.user || user === 0 ? [] : [`${path} belongs to user ${user}`]
  })
  return members === '' ? others : [...others, `group zipkey has members: ${members}`]
}
