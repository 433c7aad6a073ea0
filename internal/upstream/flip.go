package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"doorward/internal/gate"
)

// errFlipped is a link whose upstream speaks another era than when it was opened:
// it was replaced under way, as in a rolling deployment.
var errFlipped = errors.New("the upstream speaks the other era now")

// doubtEvery is how often what is believed of an upstream's era is put to the
// test on the word of an answer that may mean something else.
const doubtEvery = 5 * time.Second

// eraSign tells whether an answer is one that a server of the other era gives: it
// does not know the method, the version or the session, or misses something in the
// params (protocol.md §1.3).
func eraSign(m *gate.Message) bool {
	if m.Kind != gate.Failure {
		return false
	}
	switch errorCode(m) {
	case "-32601", "-32602", "-32000", "-32020", "-32021", "-32022": // -32000: no session (TypeScript SDK 1)
		return true
	}
	return false
}

// flipped asks the upstream whether it still speaks the link's era, at most once
// in doubtEvery. One that does not has its link ended, and the next use opens one
// in the era that it speaks.
func (c *channel) flipped(ctx context.Context, cn *conn) bool {
	if c.srv.wire == nil { // a process is what it was when it started
		return false
	}
	now, last := time.Now().UnixNano(), cn.doubted.Load()
	if now-last < int64(doubtEvery) || !cn.doubted.CompareAndSwap(last, now) {
		return false
	}
	ctx, cancel := withLimit(ctx, doubtEvery)
	defer cancel()
	// Some servers know no ping: what counts is that the other era is spoken.
	if c.speaksStill(ctx, cn.link) || !c.speaksOther(ctx) {
		return false
	}
	c.srv.log.WarnContext(ctx, "upstream speaks another era than before; opening it anew", "upstream", c.srv.set.Name, "era", c.key.era.String())
	c.srv.pool.count(c.srv.set.Name, "era_change")
	c.srv.pool.wg.Go(cn.link.close)
	<-cn.link.done()
	return true
}

// speaksOther opens a link in the other era, and closes it.
func (c *channel) speaksOther(ctx context.Context) bool {
	era := otherEra(c.key.era)
	cn, err := newChannel(c.srv, channelKey{era: era}, nil).dial(ctx)
	if err != nil {
		return false
	}
	cn.link.close()
	<-cn.over
	c.srv.speaks(era)
	return true
}

// speaksStill asks what only a server of the link's era answers. A server that
// does not answer at all is down, and says nothing about its era.
func (c *channel) speaksStill(ctx context.Context, l link) bool {
	method, params := methodPing, []byte(nil)
	if c.key.era == gate.Stateless {
		method, params = methodDiscover, append(append([]byte{'{'}, c.ownMeta()...), '}')
	}
	m, err := c.request(ctx, l, method, params)
	if err != nil {
		_, odd := errors.AsType[*statusError](err)
		return !odd && !errors.Is(err, errGone)
	}
	if m.Kind != gate.Result || c.key.era == gate.Stateful {
		return m.Kind == gate.Result
	}
	at, _ := m.Field("supportedVersions")
	var versions []string
	return json.Unmarshal(m.Bytes(at), &versions) == nil && slices.ContainsFunc(versions, modern)
}

// settled is what becomes of a call that ended with odd, an answer that may be of
// the other era, or with err: nothing has reached the client yet, and a server
// that does not know the request has not acted on it.
func (c *channel) settled(ctx context.Context, cn *conn, odd *gate.Message, err error, pass func(*gate.Message) error) error {
	_, status := errors.AsType[*statusError](err)
	if (odd != nil || status) && c.flipped(ctx, cn) {
		return errFlipped
	}
	if err != nil || odd == nil {
		return err
	}
	return pass(odd)
}
