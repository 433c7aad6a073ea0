package doctor_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/doctor"
	"doorward/internal/gatetest"
	"doorward/internal/store/storetest"
)

// soon is the time of a probe that nothing will answer.
const soon = time.Second

// diagnose runs the checks.
func diagnose(t *testing.T, o doctor.Options) *doctor.Report {
	t.Helper()
	report, err := doctor.Run(t.Context(), o)
	if err != nil {
		t.Fatalf("looking at %s: %v", o.URL, err)
	}
	return report
}

// problems are the problems as id and cause.
func problems(r *doctor.Report) []string {
	var all []string
	for _, f := range r.Findings {
		if f.Status != doctor.Problem {
			continue
		}
		name := f.ID
		if f.Cause != "" {
			name += "/" + f.Cause
		}
		all = append(all, name)
	}
	return all
}

// found runs the checks and holds their problems against want, all of them.
func found(t *testing.T, o doctor.Options, want ...string) *doctor.Report {
	t.Helper()
	r := diagnose(t, o)
	want = append([]string(nil), want...) // nil and empty are the same
	if diff := cmp.Diff(want, problems(r)); diff != "" {
		t.Errorf("problems (-want +got):\n%s\n%s", diff, text(r))
	}
	for _, f := range r.Findings {
		if f.Seen == "" || (f.Status == doctor.Problem) != (f.Why != "" && f.Fix != "") {
			t.Errorf("%s %s says too little or too much: %+v", f.Status, f.ID, f)
		}
	}
	return r
}

func text(r *doctor.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(strings.Join([]string{string(f.Status), f.ID, f.Cause, f.Seen, f.Why, f.Fix}, " | ") + "\n")
	}
	return b.String()
}

// says holds the one finding of an id against words that it must have.
func says(t *testing.T, r *doctor.Report, id string, words ...string) {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f doctor.Finding) bool { return f.ID == id })
	if i < 0 {
		t.Errorf("no finding %s in\n%s", id, text(r))
		return
	}
	f := r.Findings[i]
	for _, w := range words {
		if !strings.Contains(f.Seen+"\n"+f.Fix, w) {
			t.Errorf("%s does not say %q: %s | %s", id, w, f.Seen, f.Fix)
		}
	}
}

// asked is a gateway's account of itself, without the socket.
type asked struct{ app *app.App }

func (a asked) Status(ctx context.Context) (doctor.Account, error) {
	st, err := a.app.Status(ctx)
	out := doctor.Account{URL: st.URL, Reasons: st.Reasons}
	for _, u := range st.Upstreams {
		out.Upstreams = append(out.Upstreams, doctor.Upstream{Name: u.Name, Error: u.Error})
	}
	return out, err
}

func (a asked) Definitions(ctx context.Context) ([]doctor.Definition, error) {
	entries, err := a.app.Entries(ctx, admin.Review{})
	var out []doctor.Definition
	for _, e := range entries {
		out = append(out, doctor.Definition{Upstream: e.Upstream, Kind: e.Kind, State: e.State})
	}
	return out, err
}

// whole are options for a gateway with all that can be known about it.
func whole(gw *gatetest.GW, key string) doctor.Options {
	return doctor.Options{URL: gw.URL(), Credential: key, Config: gw.App.Config, Gateway: asked{gw.App}}
}

// open lets everybody on this machine in.
const open = "identity: {anonymous: {subject: local, roles: [user]}}\nroles: {user: {allow: [{tools: [\"*/*\"]}]}}\nupstreams: {}\n"

// serve starts a small server of the test.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL
}

// proxy passes everything on to a gateway, at once, under the gateway's name.
func proxy(t *testing.T, to string) *httputil.ReverseProxy {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = ""
	return &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(u) },
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
}

// closed is an address at which nothing listens.
func closed(t *testing.T) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(storetest.FreePort(t)))
}

// names is a resolver that asks a name server of the test, which knows the
// addresses of one name, and answers nothing when it is mute.
type names struct {
	name string
	is   []netip.Addr
	mute bool
}

func (n names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 512)
		for {
			size, from, err := conn.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil && !n.mute {
				_, _ = conn.WriteTo(n.answer(buf[:size]), from) // who is gone needs no answer
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-ended })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// answer makes the answer to a query of one question (RFC 1035, section 4).
func (n names) answer(query []byte) []byte {
	const head = 12
	end, name := head, ""
	for end < len(query) && query[end] != 0 {
		name += string(query[end+1:end+1+int(query[end])]) + "."
		end += 1 + int(query[end])
	}
	kind := binary.BigEndian.Uint16(query[end+1:])
	end += 5
	out := append([]byte{}, query[:end]...)
	out[2], out[3] = 0x81, 0x80 // an answer, with recursion
	clear(out[6:head])
	if name != n.name+"." {
		out[3] |= 3 // no such name
		return out
	}
	for _, a := range n.is {
		want := uint16(1)
		if a.Is6() {
			want = 28
		}
		if want != kind {
			continue
		}
		out[7]++
		out = append(out, 0xc0, head, 0, byte(kind), 0, 1, 0, 0, 0, 1, 0, byte(a.BitLen()/8))
		out = append(out, a.AsSlice()...)
	}
	return out
}
