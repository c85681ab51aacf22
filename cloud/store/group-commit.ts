/**
 * Group commit for SQLite: a commit waits for the disk, and what waits together is committed together.
 *
 * Transactions take turns, each within a savepoint of one transaction of the database, which is committed once all that stood in line
 * had their turn. Each is still all or nothing: one that fails goes back to its savepoint and leaves its neighbours as they are. None
 * ends, well or not, before the commit that holds what it wrote, or what it saw, is on the disk.
 */
import type SQLite from 'better-sqlite3'
import { Turns } from './turns.ts'

type Waiting = { readonly resolve: () => void; readonly reject: (error: unknown) => void }

/** The transactions of one connection that writes. */
export class GroupCommit {
  readonly #database: SQLite.Database
  readonly #turns = new Turns()
  readonly #statements: Readonly<Record<'begin' | 'commit' | 'rollback' | 'savepoint' | 'release' | 'back', SQLite.Statement>>
  /** Those that had their turn and wait for the commit; null while no transaction of the database is open. */
  #group: Waiting[] | null = null

  constructor(database: SQLite.Database) {
    this.#database = database
    this.#statements = {
      begin: database.prepare('begin immediate'),
      commit: database.prepare('commit'),
      rollback: database.prepare('rollback'),
      savepoint: database.prepare('savepoint one'),
      release: database.prepare('release one'),
      back: database.prepare('rollback to one'),
    }
  }

  /** Waits for a turn and begins. Whoever began must end by `commit` or `rollback`. */
  async begin(): Promise<void> {
    await this.#turns.take()
    try {
      if (this.#group === null) this.#openGroup()
      this.requireOpen()
      this.#statements.savepoint.run()
    } catch (error) {
      this.#turns.pass()
      throw error
    }
  }

  /** Throws where the database gave the whole transaction up by itself, as it does when a disk fails: then nothing may follow in it. */
  requireOpen(): void {
    if (!this.#database.inTransaction) throw new Error('the database gave up the transaction')
  }

  /** Ends the turn; resolves when the transaction is durable. Where it throws at once, or rejects, nothing of it was kept. */
  commit(): Promise<void> {
    this.requireOpen()
    this.#statements.release.run()
    return this.#durable()
  }

  /** Takes back what was done in this turn and ends it; resolves when what was seen in it is durable. */
  rollback(): Promise<void> {
    if (this.#database.inTransaction) {
      this.#statements.back.run()
      this.#statements.release.run()
    }
    // Whether the group fares well is for those to know who wrote in it.
    return this.#durable().catch(() => {})
  }

  /** Waits for the last turn and for its commit. */
  async end(): Promise<void> {
    await this.#turns.take()
    this.#closeGroup()
  }

  #openGroup(): void {
    this.#statements.begin.run()
    this.#group = []
    // After the requests that arrived together with this one.
    setImmediate(() => void this.#turns.take().then(() => this.#closeGroup()))
  }

  #durable(): Promise<void> {
    const group = this.#group ?? []
    const durable = new Promise<void>((resolve, reject) => group.push({ resolve, reject }))
    this.#turns.pass()
    return durable
  }

  #closeGroup(): void {
    const group = this.#group
    this.#group = null
    if (group !== null) this.#commitFor(group)
    this.#turns.pass()
  }

  #commitFor(group: readonly Waiting[]): void {
    try {
      this.requireOpen()
      this.#statements.commit.run()
      for (const { resolve } of group) resolve()
    } catch (error) {
      if (this.#database.inTransaction) this.#statements.rollback.run()
      for (const { reject } of group) reject(error)
    }
  }
}
