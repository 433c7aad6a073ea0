package egress

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// hops are the fields of one hop alone (RFC 9110, section 7.6.1), and Expect, which is
// answered here.
//
//nolint:gochecknoglobals // a table; read-only
var hops = []string{"Connection", "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate", "Keep-Alive", "Te", "Upgrade", "Expect"}

// forward sends one plain HTTP request and brings its answer back. The connection
// carries no second one: its Host would go unjudged.
func (x *passage) forward(ctx context.Context, server net.Conn) Code {
	s, done := x.span(ctx, server)
	req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(x.head), x.in)))
	if err != nil {
		s.finish(Broken)
		done()
		return s.code
	}
	if strings.EqualFold(req.Header.Get("Expect"), "100-continue") {
		_, _ = io.WriteString(x.client, "HTTP/1.1 100 Continue\r\n\r\n") // who is gone is seen below
	}
	for _, named := range req.Header.Values("Connection") {
		for name := range strings.SplitSeq(named, ",") {
			req.Header.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hops {
		req.Header.Del(name)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "") // or Write gives it one of its own
	}
	req.Close = true
	var sending sync.WaitGroup
	sending.Go(func() {
		if err := req.Write(metered{s, server, &x.at.sent}); err != nil {
			s.finish(Broken)
		}
	})
	_, _ = io.Copy(metered{s, x.client, &x.at.received}, onlyReader{server}) // its end is the answer's
	s.finish(Ended)
	sending.Wait()
	done()
	return s.code
}
