// A bot without media: says hello to everybody who comes into a room. node greeter.js ws://localhost:8188 lobby
import Janode from 'janode'
import SfuPlugin from './sfu-handle.js'

const [url = 'ws://localhost:8188', room_id = 'lobby'] = process.argv.slice(2)
const user_id = 'greeter'

const connection = await Janode.connect({ address: { url } })
const session = await connection.create()
const handle = await session.attach(SfuPlugin)

handle.on(SfuPlugin.EVENT.JOIN, ({ user_id: whom, room_id: where }) => {
  if (where === room_id) void handle.data(`hello ${whom}`, whom)
})
const { users } = await handle.join({ room_id, user_id, subscribe: { notifications: true } })
console.log(`in ${room_id}: ${users[room_id].join(', ')}`)

// janode has no `claim`: when the connection is lost, begin anew.
connection.once(Janode.EVENT.CONNECTION_ERROR, () => process.exit(1))
