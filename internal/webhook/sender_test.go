package webhook_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/webhook"
)

func TestANoticeIsSigned(t *testing.T) {
	url, gets := receiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	o := newOffice(t, targetAt(t, url)).run()
	o.Send(aNotice("ex1"))
	until(t, "the delivery is on record", func() bool { return len(o.recorded()) == 1 })
	all := gets()
	notice := signed(t, []byte(canary), &all[0])
	if notice["type"] != "approval.waiting" || notice["data"].(map[string]any)["text"] != inBody {
		t.Errorf("the notice is %v", notice)
	}
	sec, err := strconv.ParseInt(all[0].header.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(sec, 0)).Abs() > time.Minute {
		t.Errorf("webhook-timestamp is %q", all[0].header.Get("webhook-timestamp"))
	}
	if h := all[0].header; h.Get("Content-Type") != "application/json" || h.Get("Authorization") != "" {
		t.Errorf("the header is %v", h)
	}
	e := o.recorded()[0]
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	if e.Kind != "webhook.sent" || e.Status != "ok" || e.Exchange != "ex1" || e.Upstream != "files" || !strings.HasSuffix(e.Detail, host) {
		t.Errorf("the record is %+v", e)
	}
	if s := o.Stats(); s != (webhook.Stats{Sent: 1}) {
		t.Errorf("counted %+v", s)
	}
}

// The two forms of a secret, and those that are refused without being repeated.
func TestSecretsOfWebhooks(t *testing.T) {
	raw := strings.Repeat("k", 32)
	for text, good := range map[string]bool{
		raw: true, "whsec_" + base64.StdEncoding.EncodeToString([]byte(raw)): true,
		"": false, "CANARY": false, strings.Repeat("C", 23): false, strings.Repeat("C", 24): true,
		"whsec_": false, "whsec_CANARY!": false, "whsec_" + base64.StdEncoding.EncodeToString([]byte("CANARY")): false,
		"whsec_" + base64.RawURLEncoding.EncodeToString([]byte(raw)): false,
	} {
		err := webhook.CheckSecret(gate.NewSecret(text))
		if (err == nil) != good {
			t.Errorf("a secret of %d bytes: %v", len(text), err)
		}
		if err != nil && (strings.Contains(err.Error(), "CANARY") || strings.Contains(err.Error(), "CCC")) {
			t.Errorf("the secret is repeated: %v", err)
		}
	}
	url, gets := receiver(t, func(int, http.ResponseWriter, *http.Request) {})
	target, err := webhook.NewTarget(webhook.TargetConfig{URL: url, Secret: func() (gate.Secret, error) {
		return gate.NewSecret("whsec_" + base64.StdEncoding.EncodeToString([]byte(raw))), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	o := newOffice(t, target).run()
	o.Send(aNotice(""))
	until(t, "delivery", func() bool { return o.Stats().Sent == 1 })
	signed(t, []byte(raw), &gets()[0])
}

// answers is a receiver without a network, for tests of time.
type answers struct {
	mu   sync.Mutex
	at   []time.Time
	ids  []string
	sigs []string
	do   func(n int, r *http.Request) (*http.Response, error)
}

// RoundTrip implements http.RoundTripper.
func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	a.at = append(a.at, time.Now())
	a.ids = append(a.ids, r.Header.Get("Webhook-Id"))
	a.sigs = append(a.sigs, r.Header.Get("Webhook-Timestamp")+r.Header.Get("Webhook-Signature"))
	n := len(a.at)
	a.mu.Unlock()
	return a.do(n, r)
}

func status(code int, header ...string) *http.Response {
	r := &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(""))}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// Five tries in about five minutes, each signed anew under the same id, and then a
// failure on record.
func TestTheWaitsBetweenTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{do: func(int, *http.Request) (*http.Response, error) { return status(http.StatusInternalServerError), nil }}
		o := newOffice(t, targetAt(t, "https://hooks.example.com/x").Through(a)).run()
		o.Send(aNotice("ex1"))
		synctest.Wait()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if len(a.at) != 5 {
			t.Fatalf("%d tries", len(a.at))
		}
		for i, want := range []time.Duration{5 * time.Second, 20 * time.Second, 75 * time.Second, 200 * time.Second} {
			if got := a.at[i+1].Sub(a.at[i]); got < want*4/5 || got > want*6/5 {
				t.Errorf("the wait after try %d is %v, want %v give or take a fifth", i+1, got, want)
			}
			if a.ids[i+1] != a.ids[0] || a.sigs[i+1] == a.sigs[i] {
				t.Errorf("try %d has the id %s (%s) and the signature of the one before: %t", i+2, a.ids[i+1], a.ids[0], a.sigs[i+1] == a.sigs[i])
			}
		}
		if e := o.recorded(); len(e) != 1 || e[0].Kind != "webhook.failed" || e[0].Status != "failed" || !strings.Contains(e[0].Detail, "hooks.example.com: the receiver answered 500") {
			t.Errorf("on record: %+v", e)
		}
		o.close()
	})
}

// Retry-After puts the next try off, and for a minute at most.
func TestRetryAfter(t *testing.T) {
	for name, tc := range map[string]struct {
		header      string
		least, most time.Duration
	}{
		"none":    {"", 4 * time.Second, 6 * time.Second},
		"seconds": {"30", 30 * time.Second, 30 * time.Second},
		"less":    {"1", 4 * time.Second, 6 * time.Second},
		"an hour": {"3600", time.Minute, time.Minute},
		"huge":    {"99999999999999999999", time.Minute, time.Minute},
		"date":    {"Sat, 01 Jan 2000 00:00:40 GMT", 40 * time.Second, 40 * time.Second}, // a bubble's time begins with 2000
		"past":    {"Fri, 31 Dec 1999 00:00:00 GMT", 4 * time.Second, 6 * time.Second},
		"words":   {"soon", 4 * time.Second, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{do: func(n int, _ *http.Request) (*http.Response, error) {
					if n == 1 {
						return status(http.StatusServiceUnavailable, "Retry-After", tc.header), nil
					}
					return status(http.StatusOK), nil
				}}
				o := newOffice(t, targetAt(t, "https://hooks.example.com/x").Through(a)).run()
				o.Send(aNotice(""))
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if len(a.at) != 2 {
					t.Fatalf("%d tries", len(a.at))
				}
				if got := a.at[1].Sub(a.at[0]); got < tc.least || got > tc.most {
					t.Errorf("waited %v", got)
				}
				o.close()
			})
		})
	}
}

// One notice that fails does not hold up the next.
func TestAFailureHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{do: func(n int, _ *http.Request) (*http.Response, error) {
			if n == 1 {
				return nil, errors.New("broken: " + canary)
			}
			return status(http.StatusOK), nil
		}}
		o := newOffice(t, targetAt(t, "https://hooks.example.com/x").Through(a)).run()
		o.Send(aNotice("first"))
		o.Send(aNotice("second"))
		synctest.Wait()
		if e := o.recorded(); len(e) != 1 || e[0].Exchange != "second" {
			t.Errorf("on record: %+v", e)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if e := o.recorded(); len(e) != 2 || e[1].Exchange != "first" || !strings.Contains(e[1].Detail, "try 2") {
			t.Errorf("on record: %+v", e)
		}
		o.close()
	})
}

// ALR-04: a receiver that never answers costs ten seconds a try, and Send nothing.
func TestALR04AReceiverThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{do: func(_ int, r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}
		o := newOffice(t, targetAt(t, "https://hooks.example.com/x").Through(a)).run()
		began := time.Now()
		for range 2 * webhook.MaxQueue {
			o.Send(aNotice(""))
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("Send took %v", d)
		}
		synctest.Wait()
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if len(a.at) != 2 || a.at[1].Sub(a.at[0]) != 10*time.Second {
			t.Errorf("tries at %v", a.at)
		}
		o.close()
	})
}

// A thousand may wait; then the oldest goes, counted, logged and on record.
func TestTheQueueIsBounded(t *testing.T) {
	a := &answers{do: func(int, *http.Request) (*http.Response, error) { return status(http.StatusOK), nil }}
	o := newOffice(t, targetAt(t, "https://hooks.example.com/x").Through(a))
	for i := range webhook.MaxQueue + 3 {
		o.Send(aNotice(fmt.Sprint("ex", i)))
	}
	if s := o.Stats(); s.Dropped != 3 {
		t.Fatalf("counted %+v", s)
	}
	o.run()
	until(t, "all are sent", func() bool { return o.Stats().Sent == webhook.MaxQueue })
	until(t, "all are on record", func() bool { return len(o.recorded()) == webhook.MaxQueue+1 })
	e := o.recorded()
	if e[0].Kind != "webhook.failed" || !strings.HasPrefix(e[0].Detail, "3 dropped") || e[1].Exchange != "ex3" {
		t.Errorf("on record: %+v, %+v", e[0], e[1])
	}
	if n := strings.Count(o.log.text(), "notice dropped"); n != 3 {
		t.Errorf("logged %d", n)
	}
}

// The end ends a try under way, and puts on record what was not sent.
func TestTheEndWaitsForNobody(t *testing.T) {
	hanging := make(chan struct{})
	url, _ := receiver(t, func(_ int, _ http.ResponseWriter, r *http.Request) { close(hanging); <-r.Context().Done() })
	o := newOffice(t, targetAt(t, url)).run()
	o.Send(aNotice("ex1"))
	o.Send(aNotice("ex2"))
	<-hanging
	began := time.Now()
	o.close()
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	if e := o.recorded(); len(e) != 1 || e[0].Kind != "webhook.failed" || e[0].Detail != "2 not sent: the gateway stopped" {
		t.Errorf("on record: %+v", e)
	}
	o.Send(aNotice("ex3")) // nobody sends it, and nothing breaks
}

func TestWithoutATargetNothingIsKept(t *testing.T) {
	o := newOffice(t, nil).run()
	o.Send(aNotice("ex1"))
	o.close()
	if len(o.recorded()) != 0 || o.Stats() != (webhook.Stats{}) {
		t.Errorf("%+v %+v", o.recorded(), o.Stats())
	}
}

// What cannot be sent is refused at once.
func TestANoticeTooLargeIsNotSent(t *testing.T) {
	a := &answers{do: func(int, *http.Request) (*http.Response, error) { return status(http.StatusOK), nil }}
	o := newOffice(t, targetAt(t, "https://hooks.example.com/x").Through(a)).run()
	o.Send(webhook.Notice{Type: "x", Data: bytes.Repeat([]byte("CANARY"), 20_000)})
	o.Send(webhook.Notice{Type: "x", Data: make(chan int)})
	if s := o.Stats(); s.Failed != 2 || strings.Count(o.log.text(), "notice cannot be made") != 2 {
		t.Errorf("counted %+v", s)
	}
}
