package app_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gatetest"
)

// RES-18, TEN-08: one caller fills an upstream that hangs, and its queue. What is too much is
// refused with the time to come back; the neighbour's call waits there in turn; and calls of
// another upstream, of whoever, go on.
func TestRES18_OneUpstreamFull(t *testing.T) {
	full := answering(t, gatetest.Script{Tools: rawTools("echo"), Eras: []string{"stateless"}})
	free := answering(t, gatetest.Script{Tools: rawTools("echo"), Eras: []string{"stateless"}})
	began, release := make(chan struct{}, 64), make(chan struct{})
	let := sync.OnceFunc(func() { close(release) })
	t.Cleanup(let)
	full.on("tools/call", func([]byte) string {
		began <- struct{}{}
		<-release
		return `{"content":[]}`
	})
	free.on("tools/call", func([]byte) string { return `{"content":[]}` })
	gw := gatetest.Gateway(t, fmt.Sprintf("upstreams:\n  full: {url: %q, limits: {concurrency: 2, queue: 4}}\n  free: {url: %q}\n", full.URL(), free.URL()), nil)
	gw.Approve("")
	flood, neighbour := gw.As("flood").Open("2026-07-28"), gw.As("neighbour").Open("2026-07-28")

	var calls sync.WaitGroup
	defer calls.Wait()
	defer let()
	call := func(c *gatetest.Client, then func(*gatetest.Reply)) {
		calls.Go(func() { then(c.Call("full__echo", `{}`)) })
	}
	shed := make(chan *gatetest.Reply, 64)
	for range 2 + 4 + 10 {
		call(flood, func(r *gatetest.Reply) {
			if !r.OK() {
				shed <- r
			}
		})
	}
	<-began
	<-began
	for range 10 {
		r := <-shed
		wait, err := strconv.Atoi(r.Header.Get("Retry-After"))
		if body := string(r.Final()); r.Status != http.StatusServiceUnavailable || err != nil || wait < 1 || !strings.Contains(body, `"code":"upstream.queue"`) || !strings.Contains(body, `"retryAfter":`+strconv.Itoa(wait)) {
			t.Fatalf("what is too much: %s", r)
		}
	}
	answered := make(chan *gatetest.Reply, 1)
	call(neighbour, func(r *gatetest.Reply) { answered <- r })
	<-shed // the oldest of the flood's has given way
	for _, c := range []*gatetest.Client{neighbour, flood} {
		for range 20 {
			if begun, r := time.Now(), c.Call("free__echo", `{}`); !r.OK() || time.Since(begun) > 10*time.Second {
				t.Fatalf("another upstream: %s", r)
			}
		}
	}
	let()
	if r := <-answered; !r.OK() {
		t.Errorf("the neighbour's call: %s", r)
	}
}
