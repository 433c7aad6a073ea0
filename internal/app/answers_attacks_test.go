package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"doorward/internal/gatetest"
)

// Two clients use the same id at the same time, and one client uses its id
// again while the first call is under way: everybody gets their own answer.
func TestHTT26_SameIDInTwoClients(t *testing.T) {
	t.Parallel()
	for _, version := range eras {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			h := open(t, version, gatetest.Script{
				Tools: []json.RawMessage{loose("echo"), loose("slow"), loose("quick")},
				Answers: map[string]json.RawMessage{
					"slow":  []byte(`{"content":[{"type":"text","text":"slow"}]}`),
					"quick": []byte(`{"content":[{"type":"text","text":"quick"}]}`),
				},
			})
			started, release := h.up.Hold("slow")
			var wg sync.WaitGroup
			var slow *gatetest.Reply
			wg.Go(func() { slow = h.alice.Call("up__slow", `{}`) })
			<-started
			if r := h.bob.Call("up__quick", `{}`); !r.OK() || !strings.Contains(string(r.Body), `"quick"`) || !strings.Contains(string(r.Body), `"id":1,`) {
				t.Errorf("bob, with the id of alice's call under way: %s", r)
			}
			again := h.alice.Request("1", "tools/call", `"name":"up__quick","arguments":{}`)
			if h.alice.Stateless() { // each request has its own connection: nothing to confuse
				if r := h.alice.Post(again); !r.OK() || !strings.Contains(string(r.Body), `"quick"`) {
					t.Errorf("alice, with her own id again: %s", r)
				}
			} else {
				before := h.up.Posts()
				r := h.alice.Post(again)
				if r.Status != http.StatusBadRequest || r.Code != -32600 || h.up.Posts() != before {
					t.Errorf("alice, with her own id again: %s", r)
				}
			}
			release()
			wg.Wait()
			if !slow.OK() || !strings.Contains(string(slow.Body), `"slow"`) {
				t.Errorf("the slow call: %s", slow)
			}
		})
	}
}

func TestHTT27_AnswersNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	inEras(t, func(_ *testing.T, h *house) {
		unasked := refusal{http.StatusBadRequest, -32600, "answer.unexpected"}
		if h.alice.Stateless() {
			unasked = notAllowed
		}
		bodies := map[string]string{}
		for _, id := range []string{"0", "1", "2", "99", `"1"`, `"dw-1"`} {
			bodies["result "+id] = `{"jsonrpc":"2.0","id":` + id + `,"result":{"action":"accept"}}`
			bodies["error "+id] = `{"jsonrpc":"2.0","id":` + id + `,"error":{"code":-1,"message":"no"}}`
		}
		h.each(unasked, bodies)
		good := string(h.body(`"name":"up__echo","arguments":{}`))
		h.each(notAllowed, map[string]string{
			"method and result":    `{"result":{},` + good[1:],
			"method and error":     `{"error":{"code":1,"message":""},` + good[1:],
			"result and error":     `{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}`,
			"neither":              `{"jsonrpc":"2.0","id":1}`,
			"result without an id": `{"jsonrpc":"2.0","result":{}}`,
			"error without a code": `{"jsonrpc":"2.0","id":1,"error":{"message":""}}`,
		})
	})
}

// A session's id is no credential: anybody else's is as unknown as one that
// never was.
func TestSessionOfAnotherPrincipal(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "2025-11-25")
	stolen := h.bob.Session
	own := h.alice.Session
	h.alice.Session = stolen
	gone := refusal{http.StatusNotFound, 4040, "session.unknown"}
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
		body := h.body(`"name":"up__echo","arguments":{}`)
		if method != http.MethodPost {
			body = nil
		}
		h.refused(gone, func() *gatetest.Reply {
			return h.alice.Send(method, body, "Accept", "application/json, text/event-stream")
		})
	}
	h.alice.Session = own
	if r := h.alice.Call("up__echo", `{}`); !r.OK() {
		t.Errorf("alice's own session: %s", r)
	}
}
