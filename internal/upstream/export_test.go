package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"time"

	"doorward/internal/gate"
)

// WireOf is the connections of an upstream with these settings, which believes one
// certificate.
func WireOf(set Settings, cert *x509.Certificate) *http.Transport {
	t, ok := newWire(set).(*http.Transport)
	if !ok {
		panic("not the network")
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	t.TLSClientConfig.RootCAs.AddCert(cert)
	return t
}

// WithoutTrace is what an upstream reads of a client's notification or answer.
func WithoutTrace(p Propagation, m *gate.Message) []byte { return p.without(m.Raw) }

// Remains is what a pool has open now, for a test that looks at it when the pool is
// closed and nothing changes it any more.
func Remains(p *Pool) (all []any) {
	for _, s := range p.list() {
		s.mu.Lock()
		for _, c := range s.channels {
			c.mu.Lock()
			all = append(all, c, c.last)
			c.mu.Unlock()
		}
		s.mu.Unlock()
		all = append(all, s)
	}
	p.parked.mu.Lock()
	defer p.parked.mu.Unlock()
	for _, k := range p.parked.open {
		all = append(all, k)
	}
	return all
}

// Expire closes what nobody has used for so long that it ends at that time.
func Expire(p *Pool, at time.Time) {
	for _, s := range p.list() {
		s.expire(at)
	}
}

// Unused is how many processes wait for a call, ready, with their lists read.
func Unused(p *Pool) (n int) {
	for _, s := range p.list() {
		s.mu.Lock()
		for _, c := range s.channels {
			cn := c.conn.Load()
			if c.spare.Load() && cn != nil {
				v := &cn.views[gate.Tool]
				v.mu.Lock()
				if v.list != nil {
					n++
				}
				v.mu.Unlock()
			}
		}
		s.mu.Unlock()
	}
	return n
}

// Offences are the clients whose processes were ended.
type Offences struct{ o offences }

// Note, Wait and Expire are those of offences.
func (o *Offences) Note(principal string)               { o.o.note(principal) }
func (o *Offences) Wait(principal string) time.Duration { return o.o.wait(principal) }
func (o *Offences) Expire()                             { o.o.expire() }

// PackageOf is packageOf.
func PackageOf(path string) (root, at string, ok bool) { return packageOf(path) }

// Spare is how many processes wait for a call, or are being started to.
func Spare(p *Pool) (n int) {
	for _, s := range p.list() {
		s.mu.Lock()
		for _, c := range s.channels {
			if c.spare.Load() {
				n++
			}
		}
		s.mu.Unlock()
	}
	return n
}

// Listen is a listen for resources at the first upstream of a pool, of the stateless era, that follows what is wanted.
func Listen(p *Pool, uris func() []string) (run func(context.Context), wake func()) {
	f := &follower{
		pool: p, srv: p.list()[0], key: channelKey{era: gate.Stateless, owner: owner{ofPrincipal, "a"}}, who: "test",
		put: func(context.Context, *gate.Message) error { return nil },
	}
	t := newTuned(f, func() wanted { return wanted{URIs: uris()} }, func(_, _ wanted) {})
	return t.run, t.wake
}

// EndOutput is endOutput.
func EndOutput(pipes []*os.File) (ended func()) { return endOutput(pipes) }

// Filled is filled.
func Filled(template, text string) bool { return filled(template, text) }

// SealTheirs is a requestState of the upstream's, as the client of this call gets it.
func (p *Pool) SealTheirs(ex *gate.Exchange, state string) (string, error) {
	return p.seal(ex, stateTheirs, []byte(state))
}
