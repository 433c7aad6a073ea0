package upstream

import (
	"context"
	"slices"

	"doorward/internal/gate"
)

// ended tells whether the upstream's side has.
func (k *parked) ended() bool {
	select {
	case <-k.over:
		return true
	default:
		return false
	}
}

// left is told by who does not attend the call any more.
func (k *parked) left() {
	k.mu.Lock()
	k.attending--
	k.mu.Unlock()
	k.rest()
}

// rest answers the upstream's questions that are open after the end of the call, once nobody attends it: they are nobody's
// any more.
func (k *parked) rest() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.attending > 0 || !k.ended() {
		return
	}
	if k.ticket = ""; k.expiry != nil {
		k.expiry.Stop()
	}
	var open [][]byte
	for _, q := range k.waiting {
		open = append(open, q.id)
	}
	k.waiting = nil
	for {
		select {
		case m := <-k.box:
			if m.Kind == gate.Request {
				open = append(open, slices.Clone(m.Bytes(m.ID)))
			}
			continue
		default:
		}
		break
	}
	k.disown(open)
}

// disown answers questions, of which there are parkQueue and a few at most, beside whoever waits for the call. With
// the pool their upstream's session ends.
func (k *parked) disown(ids [][]byte) {
	p := k.channel.srv.pool
	p.mu.RLock() // Close waits for nothing that begins after it
	defer p.mu.RUnlock()
	if len(ids) == 0 || p.closed.Load() {
		return
	}
	p.wg.Go(func() {
		ctx, stop := withLimit(context.Background(), tellTimeout)
		defer stop()
		for _, id := range ids {
			if closed(k.conn.link) || k.conn.link.send(ctx, moot(id)) != nil {
				return
			}
		}
	})
}
