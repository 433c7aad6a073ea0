package listen

import (
	"context"
	"net/http"
	"net/url"
	"sync"

	"doorward/internal/gate"
)

const transportSSE = "sse"

// legacy holds the stream of the HTTP+SSE transport of 2024-11-05: GET /sse
// opens it, its first event says where to POST messages, and everything that
// the client is to read comes on it, the answers included. The stream's end is
// the end of its session and of its calls. It runs inside Forward, so whoever
// opened it has walked the line.
func (s *Server) legacy(ctx context.Context, ex *gate.Exchange, v *visit) error {
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	p, out, err := s.connection(ex, v, cut)
	if err != nil {
		return err
	}
	defer s.disconnect(p, out)
	if err := v.out.stream(); err != nil {
		return nil //nolint:nilerr // the client is gone
	}
	if err := v.out.named("endpoint", postTo(p)); err != nil {
		return nil //nolint:nilerr // the client is gone
	}
	var writer sync.WaitGroup
	writer.Go(func() {
		p.carry(ctx, ex.Principal, feed{
			out:   out,
			write: func(data []byte) error { return v.out.event("", data) },
			beat:  v.out.comment,
			on:    func(set *Settings) bool { return set.LegacySSE },
		})
	})
	err = p.converse(ctx, nil)
	out.close()
	writer.Wait()
	return err
}

// postTo is where the stream's client posts its messages, as a path of the
// origin that it opened the stream at.
func postTo(p *pipe) string {
	path := string(pathMessages)
	if p.inbound.Profile != "" {
		path += "/" + p.inbound.Profile
	}
	return path + "?sessionId=" + p.id
}

// message serves a POST of a legacy SSE client. It walks the line like any
// message, and signs in for itself. The POST is answered with 202 once the
// message was taken; what comes of it goes to the stream. A message that is
// refused before there is a request to answer is refused with a status.
func (v *visit) message() {
	if !v.enter() {
		return
	}
	p := v.server.connections.stream(streamID(v.r.URL))
	e, ex := &errand{said: make(chan rendered, 1)}, v.exchange("")
	ex.Inbound.Transport = transportSSE
	e.ex, e.held = &ex, &v.held
	if p != nil {
		e.pipe, ex.Inbound.Session = p, p.sessionID()
	} else {
		e.pipe = nowhere(v.server)
	}
	post := &post{errand: e, visit: v}
	ex.Inbound.Body, ex.Inbound.Decoded = post.body, e.decoded
	call, ok := e.pipe.enter(v.r.Context(), e)
	if !ok { // the stream ended just now
		e.pipe = nowhere(v.server)
		call, _ = e.pipe.enter(v.r.Context(), e)
	}
	done := make(chan struct{})
	v.server.calls.Add(1)
	go func() { // the stream waits for it
		defer close(done)
		defer v.server.calls.Add(-1)
		defer e.pipe.leave(e) // and v.held with it
		defer post.leave()
		e.walk(call)
	}()
	r := <-e.said
	if r.status == http.StatusAccepted {
		v.out.empty(r.status)
		return
	}
	<-done
	r.hint(v.out.w.Header())
	_ = v.out.json(r.status, r.body) // a client that is gone has no use for the error
}

// nowhere is the pipe of a message whose stream does not exist. It walks the
// line all the same: who asks is asked first, and finds out nothing.
func nowhere(s *Server) *pipe {
	p := newPipe(s, gate.Inbound{}, func(error) {})
	p.write = func(context.Context, []byte) error { return errGone }
	p.push = func([]byte) error { return errGone }
	return p
}

// streamID reads the id from the URL's query; empty unless it is there once.
func streamID(u *url.URL) string {
	query, err := url.ParseQuery(u.RawQuery)
	if ids := query["sessionId"]; err == nil && len(ids) == 1 {
		return ids[0]
	}
	return ""
}

// post is the HTTP request that an errand came by. It is used while the request
// waits for its answer alone.
type post struct {
	errand *errand
	visit  *visit
	places chan struct{} // where the message has its place; nil before it has one
}

// body reads the message, of whoever opened the stream: to anybody else, and
// under another profile, the stream does not exist (HTT-38).
func (b *post) body(ctx context.Context) ([]byte, error) {
	p, ex := b.errand.pipe, b.errand.ex
	if ex.Principal == nil || p.owner == "" || !ex.Principal.HasKey(p.owner) || ex.Inbound.Profile != p.inbound.Profile {
		return nil, &gate.Error{
			Code: gate.CodeSession, Op: "finding the stream of a message",
			Public: "no such stream: GET " + string(pathSSE) + " and POST to the endpoint that it names",
		}
	}
	raw, err := b.visit.body(ctx, ex.Principal)
	if err != nil {
		return nil, err
	}
	places := p.place(raw)
	select {
	case places <- struct{}{}:
		b.places = places
	default:
		return nil, &gate.Error{Code: codeBusy, Op: "taking a message"}
	}
	p.mu.Lock()
	b.errand.line = raw
	p.mu.Unlock()
	return raw, nil
}

func (b *post) leave() {
	if b.places != nil {
		<-b.places
	}
}
