// A relay on @nostr-relay/core, which keeps all in memory: it prints its URL.

import { createOutgoingNoticeMessage, EventRepository, EventUtils } from '@nostr-relay/common'
import { NostrRelay } from '@nostr-relay/core'
import { Validator } from '@nostr-relay/validator'
import { WebSocketServer } from 'ws'

const [USUAL, MOST] = [100, 1000] // events of an answer, as the package's own stores have it

/** Of the same author, kind and `d` tag: versions of one event. */
const isOf = (author, kind, d) => (event) =>
  event.pubkey === author && event.kind === kind && EventUtils.extractDTagValue(event) === d

const isNewer = (one, other) =>
  one.created_at > other.created_at || (one.created_at === other.created_at && one.id < other.id)

const hasTags = (event, filter) =>
  Object.entries(filter).every(
    ([name, values]) =>
      !name.startsWith('#') ||
      event.tags.some(([tag, value]) => tag === name.slice(1) && values.includes(value)),
  )

class Memory extends EventRepository {
  #events = new Map()

  isSearchSupported() {
    return false
  }

  upsert(event) {
    if (this.#events.has(event.id)) return { isDuplicate: true }
    const d = EventUtils.extractDTagValue(event) // null where there is but one version
    const [old] = d === null ? [] : this.#those(isOf(event.pubkey, event.kind, d))
    if (old && !isNewer(event, old)) return { isDuplicate: true }
    if (old) this.#events.delete(old.id)
    this.#events.set(event.id, event)
    return { isDuplicate: false }
  }

  find(filter) {
    return this.#those((each) => EventUtils.isMatchingFilter(each, filter) && hasTags(each, filter))
      .sort((one, other) => other.created_at - one.created_at)
      .slice(0, Math.min(filter.limit ?? USUAL, MOST))
  }

  async deleteByDeletionRequest({ pubkey, tags }) {
    for (const [name, value = ''] of tags) {
      const [kind, author, ...d] = value.split(':')
      const isNamed = { e: ({ id }) => id === value, a: isOf(author, Number(kind), d.join(':')) }
      const meant = this.#those((each) => each.pubkey === pubkey && isNamed[name]?.(each))
      for (const { id } of meant) this.#events.delete(id)
    }
  }

  async destroy() {}

  #those(are) {
    return [...this.#events.values()].filter(are)
  }
}

// Without a hostname it asks nobody to authenticate. Else it would repeat for a second what it
// answered to the same filter, whatever has come meanwhile.
const relay = new NostrRelay(new Memory(), { filterResultCacheTtl: 0 })
const validator = new Validator({ maxFilterKindsLength: 1000 })
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })

server.on('connection', (socket, request) => {
  relay.handleConnection(socket, request.socket.remoteAddress)
  socket.on('close', () => relay.handleDisconnect(socket))
  socket.on('error', console.error)
  socket.on('message', async (text) => {
    try {
      await relay.handleMessage(socket, await validator.validateIncomingMessage(text))
    } catch (error) {
      socket.send(JSON.stringify(createOutgoingNoticeMessage(error.message)))
    }
  })
})
server.on('listening', () => console.log(`ws://127.0.0.1:${server.address().port} Ctrl-C stops`))
