// What nostr-tools sees of a relay: `node nostr-tools.mjs ws://…`. For each check it prints a line
// of JSON, {"name": …, "fault": …}; what the library finds odd goes to stderr.

import assert from 'node:assert/strict'
import { Console } from 'node:console'
import { setTimeout as wait } from 'node:timers/promises'

import { fetchRelayInformation } from 'nostr-tools/nip11'
import { SimplePool, useWebSocketImplementation as inPool } from 'nostr-tools/pool'
import { unwrapManyEvents, wrapManyEvents } from 'nostr-tools/nip17'
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure'
import { Relay, useWebSocketImplementation as inRelay } from 'nostr-tools/relay'
import WebSocket from 'ws'

globalThis.console = new Console(process.stderr) // stdout is for the checks
inPool(WebSocket)
inRelay(WebSocket)

const url = process.argv[2]
const LONG_MS = 60_000 // how long a check may take
const checks = new Map()
const check = (name, run) => checks.set(name, run)
const checkStore = check // of what is kept: behind a proxy that is somebody else's matter
const now = (seconds = 0) => Math.floor(Date.now() / 1000) + seconds

/** A key, and what it signs. */
class Author {
  #secret = generateSecretKey()
  pubkey = getPublicKey(this.#secret)
  sign = (template) => finalizeEvent(template, this.#secret)
  event = (kind, content = '', tags = [], created_at = now()) =>
    this.sign({ kind, content, tags, created_at })
  wants = (...kinds) => ({ authors: [this.pubkey], kinds })
  wrap = (readers, text) =>
    wrapManyEvents(this.#secret, readers.map(({ pubkey }) => ({ publicKey: pubkey })), text)
  unwrap = (wraps) => unwrapManyEvents(wraps, this.#secret)
}

/** A connection. For want of an answer the library goes on, here later than a check may take. */
async function connect() {
  const relay = new Relay(url)
  relay.publishTimeout = relay.baseEoseTimeout = 2 * LONG_MS
  relay.onnotice = (text) => console.warn('NOTICE', text)
  await relay.connect()
  return relay
}

const odd = (event) => console.warn('forged, or not what was asked for:', event)

/** What is there before EOSE. */
const stored = (relay, ...filters) =>
  new Promise((resolve, reject) => {
    const events = []
    const subscription = relay.subscribe(filters, {
      onevent: (event) => events.push(event),
      oninvalidevent: odd,
      oneose: () => resolve(events) ?? subscription.close(),
      onclose: (reason) => reject(new Error(reason)),
    })
  })

/** Subscribe, and wait for EOSE; `live` are so many events then. */
const listen = (relay, count, ...filters) =>
  new Promise((resolve, reject) => {
    const events = []
    const live = new Promise((enough) => {
      relay.subscribe(filters, {
        onevent: (event) => events.push(event) === count && enough(events),
        oninvalidevent: odd,
        oneose: () => resolve({ live }),
        onclose: (reason) => reject(new Error(reason)),
      })
    })
  })

/** AUTH. The challenge comes before the first answer. */
async function authenticate(relay, sign) {
  await stored(relay, { kinds: [1], limit: 1 })
  await relay.auth(sign)
}

const plain = (events) => JSON.parse(JSON.stringify(events)) // without the library's own marks
const same = (found, expected, message) =>
  assert.deepEqual(plain(found), plain(expected), message)
const refused = (promise, prefix) => assert.rejects(promise, new RegExp(`^Error: ${prefix}: `))

check('NIP-01: an event comes back as it was sent', async (relay, alice) => {
  const content = 'tabs\t, line ends\r\n, "quotes", \\, nul \0, \u2028, \x7f and 🙂'
  const event = alice.event(1, content, [['t', 'ünï'], ['empty', ''], ['only'], ['x', '1', '2']])
  await relay.publish(event)
  same(await stored(relay, { ids: [event.id] }), [event])
})

check('NIP-01: filters find what they name, newest first', async (relay, alice, bob) => {
  const old = alice.event(1, 'old', [['t', 'a'], ['p', bob.pubkey]], now(-30))
  const middle = alice.event(7, 'middle', [['t', 'b'], ['e', old.id]], now(-20))
  const latest = alice.event(1, 'latest', [['t', 'c']], now(-10))
  for (const event of [middle, latest, old]) await relay.publish(event)
  const authors = [alice.pubkey]
  for (const [expected, ...filters] of [
    [[latest, middle, old], { authors }],
    [[latest, old], { ids: [old.id, latest.id] }],
    [[middle], { authors, kinds: [7, 8] }],
    [[middle, old], { authors, '#t': ['a', 'b'] }],
    [[old], { '#p': [bob.pubkey] }],
    [[middle], { '#e': [old.id] }],
    [[latest, middle], { authors, since: middle.created_at }],
    [[middle, old], { authors, until: middle.created_at }],
    [[latest, middle], { authors, limit: 2 }],
    [[middle], { authors, until: middle.created_at, limit: 1 }],
    [[], { authors, kinds: [8] }],
    [[], { ids: [latest.id], kinds: [7] }],
  ])
    same(await stored(relay, ...filters), expected, JSON.stringify(filters))
  const either = await stored(relay, { ids: [old.id] }, { authors, kinds: [7] }, { ids: [old.id] })
  same(either.map(({ id }) => id).sort(), [old.id, middle.id].sort())
})

/** Publish some of one second: the lowest id first. */
async function publishOfOneSecond(relay, author, kind) {
  const second = now(-5)
  const events = [1, 2, 3, 4].map((n) => author.event(kind, `${n}`, [], second))
  for (const event of events) await relay.publish(event)
  return events.sort((one, other) => (one.id < other.id ? -1 : 1))
}

check('NIP-01: of one second the lowest id comes first', async (relay, alice) => {
  const sorted = await publishOfOneSecond(relay, alice, 1)
  same(await stored(relay, alice.wants(1)), sorted)
  same(await stored(relay, { ...alice.wants(1), limit: 2 }), sorted.slice(0, 2))
})

checkStore('NIP-01: of one second the lowest id is kept', async (relay, alice) => {
  const [lowest] = await publishOfOneSecond(relay, alice, 0)
  same(await stored(relay, alice.wants(0)), [lowest])
})

checkStore('NIP-01: the newest version is kept', async (relay, alice) => {
  const ages = [20, 10, 30]
  const profiles = ages.map((age) => alice.event(0, `${age}`, [], now(-age)))
  const articles = ages.map((age) => alice.event(30023, `${age}`, [['d', 'x']], now(-age)))
  const another = alice.event(30023, 'another', [['d', 'y']])
  for (const event of [...profiles, ...articles, another]) await relay.publish(event)
  same(await stored(relay, alice.wants(0)), [profiles[1]])
  same(await stored(relay, alice.wants(30023)), [another, articles[1]])
  same(await stored(relay, { ...alice.wants(30023), '#d': ['x'] }), [articles[1]])
})

check('NIP-01: what is written is live for others, once', async (relay, alice) => {
  const other = await connect()
  const { live } = await listen(other, 2, alice.wants(1), { authors: [alice.pubkey] })
  const [first, second] = [alice.event(1, 'first'), alice.event(1, 'second')]
  for (const event of [first, first, second]) await relay.publish(event)
  same(await live, [first, second])
})

check('NIP-01: ephemeral events are live', async (relay, alice) => {
  const { live } = await listen(await connect(), 1, alice.wants(20001))
  const event = alice.event(20001, 'now or never')
  await relay.publish(event)
  same(await live, [event])
})

check('NIP-01: ephemeral events are not stored', async (relay, alice) => {
  await relay.publish(alice.event(20001, 'now or never'))
  same(await stored(relay, alice.wants(20001)), [])
})

check('NIP-01: a refusal has its prefix, a duplicate is accepted', async (relay, alice) => {
  const event = alice.event(1, 'twice')
  await relay.publish(event)
  assert.match(await relay.publish(event), /^duplicate: /)
  await refused(relay.publish(alice.event(666)), 'blocked')
  await refused(relay.publish({ ...alice.event(1), content: 'forged' }), 'invalid')
  await refused(relay.publish({ ...alice.event(1), sig: '00'.repeat(64) }), 'invalid')
  same(await stored(relay, { authors: [alice.pubkey] }), [event])
})

check('NIP-09: what is deleted is gone', async (relay, alice) => {
  const note = alice.event(1, 'note')
  const deletion = alice.event(5, 'by mistake', [['e', note.id]])
  for (const event of [note, deletion]) await relay.publish(event)
  same(await stored(relay, { authors: [alice.pubkey] }), [deletion])
})

checkStore('NIP-09: what is deleted stays deleted, addresses too', async (relay, alice) => {
  const note = alice.event(1, 'note')
  const article = alice.event(30023, 'article', [['d', 'x']], now(-10))
  const tags = [['e', note.id], ['a', `30023:${alice.pubkey}:x`]]
  const deletion = alice.event(5, 'by mistake', tags)
  for (const event of [note, article, deletion]) await relay.publish(event)
  same(await stored(relay, { authors: [alice.pubkey] }), [deletion])
  await refused(relay.publish(note), 'blocked')
  await refused(relay.publish(article), 'blocked')
})

check('NIP-09: nobody deletes what others wrote', async (relay, alice, bob) => {
  const note = alice.event(1, 'note')
  const article = alice.event(30023, 'article', [['d', 'x']], now(-10))
  const tags = [['e', note.id], ['a', `30023:${alice.pubkey}:x`]]
  for (const event of [note, article, bob.event(5, '', tags)]) await relay.publish(event)
  same(await stored(relay, alice.wants(1, 30023)), [note, article])
})

check('NIP-11: the relay describes itself, to browsers too', async () => {
  const information = await fetchRelayInformation(url)
  for (const nip of [1, 9, 11, 40, 42, 45, 70])
    assert.ok(information.supported_nips.includes(nip), `NIP-${nip} is not named`)
  assert.equal(information.limitation.auth_required, false)
  const headers = { Accept: 'application/nostr+json' }
  const response = await fetch(url.replace('ws:', 'http:'), { headers })
  assert.equal(response.headers.get('Content-Type'), 'application/nostr+json')
  for (const name of ['Origin', 'Headers', 'Methods'])
    assert.equal(response.headers.get(`Access-Control-Allow-${name}`), '*')
})

check('NIP-17: a message is read by whom it addresses, stored and live', async (_, alice, bob) => {
  const [writing, reading, stranger] = [await connect(), await connect(), await connect()]
  await authenticate(reading, bob.sign)
  await authenticate(stranger, new Author().sign)
  const wrapsFor = ({ pubkey }) => ({ kinds: [1059], '#p': [pubkey] })
  const send = async (text) => {
    for (const wrap of alice.wrap([bob], text)) await writing.publish(wrap) // one for alice, too
  }
  const read = (reader, wraps) => {
    const rumors = reader.unwrap(wraps)
    assert.ok(rumors.every(({ kind, pubkey }) => kind === 14 && pubkey === alice.pubkey))
    return rumors.map(({ content }) => content).sort()
  }
  const both = ['are you there?', 'hello 🙂']
  await send('hello 🙂')
  const { live } = await listen(reading, 2, wrapsFor(bob))
  await send('are you there?')
  assert.deepEqual(read(bob, await live), both)
  assert.deepEqual(read(bob, await stored(reading, wrapsFor(bob))), both)
  same(await stored(stranger, wrapsFor(bob)), [])
  await refused(stored(writing, wrapsFor(alice)), 'auth-required')
  await writing.auth(alice.sign)
  assert.deepEqual(read(alice, await stored(writing, wrapsFor(alice))), both)
})

check('NIP-40: what has expired is refused', async (relay, alice) => {
  await refused(relay.publish(alice.event(1, 'late', [['expiration', `${now(-5)}`]])), 'invalid')
  const event = alice.event(1, 'in time', [['expiration', `${now(3600)}`]])
  await relay.publish(event)
  same(await stored(relay, alice.wants(1)), [event])
})

check('NIP-40: what expires is handed out no longer', async (relay, alice) => {
  let expiration
  let late // to a machine under load it may come only when it has expired
  do {
    expiration = now(4)
    const event = alice.event(1, 'soon gone', [['expiration', `${expiration}`]])
    late = await relay.publish(event).then(() => false, () => now() >= expiration)
  } while (late)
  for (let gone = false; !gone; await wait(100)) {
    const asked = now()
    gone = !(await stored(relay, alice.wants(1))).length
    assert.ok(gone ? now() >= expiration : asked <= expiration)
  }
  assert.equal(await relay.count([alice.wants(1)], {}), 0)
})

check('NIP-42: a message is for whom it addresses', async (relay, alice, bob) => {
  const message = alice.event(4, 'secret', [['p', bob.pubkey]])
  await relay.publish(message)
  await refused(stored(relay, alice.wants(4)), 'auth-required')
  same(await stored(relay, { ids: [message.id] }), [])
  for (const [reader, expected] of [[alice, [message]], [bob, [message]], [new Author(), []]]) {
    const reading = await connect()
    await authenticate(reading, reader.sign)
    same(await stored(reading, alice.wants(4)), expected)
    assert.equal(await reading.count([alice.wants(4)], {}), expected.length)
  }
})

check('NIP-42: a message is live for whom it addresses', async (relay, alice, bob) => {
  const reading = await connect()
  await authenticate(reading, bob.sign)
  const { live } = await listen(reading, 1, alice.wants(4))
  const message = alice.event(4, 'secret', [['p', bob.pubkey]])
  await relay.publish(alice.event(4, 'for somebody else', [['p', new Author().pubkey]]))
  await relay.publish(message)
  same(await live, [message])
})

check('NIP-42: a wrong AUTH is refused', async (_, alice) => {
  const lies = [
    (template) => ({ ...template, tags: [['relay', url], ['challenge', 'another']] }),
    (template) => ({ ...template, tags: [['relay', 'wss://other.example'], template.tags[1]] }),
    (template) => ({ ...template, created_at: now(-3600) }),
    (template) => ({ ...template, kind: 1 }),
  ]
  for (const lie of lies) {
    const relay = await connect()
    await refused(authenticate(relay, (template) => alice.sign(lie(template))), 'invalid')
    await refused(stored(relay, alice.wants(4)), 'auth-required')
  }
})

check('NIP-42: a pool authenticates when it is told to', async (_, alice, bob) => {
  const message = alice.event(4, 'secret', [['p', bob.pubkey]])
  const event = alice.event(1, 'protected', [['-']])
  const pool = async () => {
    const made = new SimplePool()
    made.maxWaitForConnection = LONG_MS
    ;(await made.ensureRelay(url)).publishTimeout = 2 * LONG_MS
    return made
  }
  const [writing, reading] = [await pool(), await pool()]
  await Promise.all(writing.publish([url], message))
  await Promise.all(writing.publish([url], event, { onauth: alice.sign }))
  const told = { onauth: bob.sign, maxWait: 2 * LONG_MS }
  same(await reading.querySync([url], alice.wants(4), told), [message])
  same(await reading.querySync([url], alice.wants(1), told), [event])
})

check('NIP-45: COUNT counts', async (relay, alice) => {
  for (const n of [1, 2, 3]) await relay.publish(alice.event(1, `${n}`))
  await relay.publish(alice.event(7))
  assert.equal(await relay.count([alice.wants(1)], {}), 3)
  assert.equal(await relay.count([alice.wants(1), alice.wants(1, 7)], {}), 4)
  assert.equal(await relay.count([alice.wants(2)], {}), 0)
})

check('NIP-45: COUNT tells nothing of what is private', async (relay, alice, bob) => {
  await relay.publish(alice.event(4, 'secret', [['p', bob.pubkey]]))
  await refused(relay.count([alice.wants(4)], {}), 'auth-required')
  assert.equal(await relay.count([{ authors: [alice.pubkey] }], {}), 0)
})

checkStore('NIP-62: whoever vanishes is gone', async (relay, alice, bob) => {
  assert.ok((await fetchRelayInformation(url)).supported_nips.includes(62))
  const note = alice.event(1, 'note', [], now(-10))
  const sealed = bob.event(1059, 'sealed', [['p', alice.pubkey]], now(-10))
  const kept = bob.event(1, 'of another', [['p', alice.pubkey]], now(-10))
  for (const event of [note, sealed, kept]) await relay.publish(event)
  await authenticate(relay, alice.sign)
  assert.equal((await stored(relay, { '#p': [alice.pubkey] })).length, 2)
  await relay.publish(alice.event(62, '', [['relay', 'wss://other.example']], now(-5)))
  same(await stored(relay, alice.wants(1)), [note])
  await relay.publish(alice.event(62, 'farewell', [['relay', url]], now(-3)))
  same(await stored(relay, alice.wants(1)), [])
  same(await stored(relay, { '#p': [alice.pubkey] }), [kept])
  await refused(relay.publish(note), 'blocked')
  await relay.publish(alice.event(1, 'anew'))
})

check('NIP-70: a protected event is taken from its author', async (relay, alice, bob) => {
  const event = alice.event(1, 'protected', [['-']])
  await refused(relay.publish(event), 'auth-required')
  const [stranger, author] = [await connect(), await connect()]
  await authenticate(stranger, bob.sign)
  await refused(stranger.publish(event), '(auth-required|restricted)')
  await authenticate(author, alice.sign)
  await author.publish(event)
  same(await stored(relay, alice.wants(1)), [event])
  await refused(relay.publish(bob.event(6, JSON.stringify(event), [['e', event.id]])), 'blocked')
})

async function tooLong() {
  await wait(LONG_MS)
  throw new Error(`not within ${LONG_MS} ms`)
}

async function outcome(run) {
  try {
    await Promise.race([run(await connect(), new Author(), new Author()), tooLong()])
    return null
  } catch (error) {
    return error.stack ?? String(error)
  }
}

const all = [...checks].map(async ([name, run]) => {
  const fault = await outcome(run)
  process.stdout.write(`${JSON.stringify({ name, fault })}\n`)
})
await Promise.all(all)
process.exit()
