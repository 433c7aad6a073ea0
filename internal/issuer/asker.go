package issuer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"
)

// How an issuer is asked about opaque tokens.
const (
	maxAsking      = 32               // questions at one time
	maxAskingKnown = 8                // more of them, for tokens that were good lately (AUT-29)
	refusalLife    = 5 * time.Second  // how long a refusal is used
	knownLife      = 10 * time.Minute // how long a token that was good is known
	breakAfter     = 5                // failures in a row
	breakFor       = 5 * time.Second
)

// Why the issuer is not asked.
var (
	errBusy   = errors.New("too many questions to the issuer at one time")
	errBroken = errors.New("the issuer has failed too often, and is left alone for some seconds")
)

// asker asks one issuer about opaque tokens (RFC 7662).
type asker struct {
	authority *authority
	settings  *Introspection
	web       *web
	proof     *clientProof
	flights   *flights
	breaker   circuitbreaker.CircuitBreaker[any]
	asking    chan struct{} // one element for each question that is out
	reserve   chan struct{} // the same, for tokens that were good lately
	shares    shares
	one       singleflight.Group
	good      *otter.Cache[cacheKey, *remembered]
	bad       *otter.Cache[cacheKey, *refusal] // apart, so that a flood of them costs no good one its place
}

// refusal is a token that was judged and refused.
type refusal struct {
	token Token // with ErrExpired: whose it was
	err   error
}

func newAsker(a *authority, w *web, f *flights) *asker {
	return &asker{
		authority: a, settings: a.settings.Introspection, web: w, flights: f,
		proof:   &clientProof{issuer: a.settings.Issuer, settings: a.settings.Introspection},
		asking:  make(chan struct{}, maxAsking),
		reserve: make(chan struct{}, maxAskingKnown),
		breaker: circuitbreaker.NewBuilder[any]().
			WithFailureThreshold(breakAfter).WithSuccessThreshold(1).WithDelay(breakFor).Build(),
		good: newCache(func(*remembered) time.Duration { return knownLife }),
		bad:  newCache(func(*refusal) time.Duration { return refusalLife }),
	}
}

func (k *asker) close() {
	k.good.StopAllGoroutines()
	k.bad.StopAllGoroutines()
}

// verify judges an opaque token: by what is remembered of it, or else by asking.
func (k *asker) verify(ctx context.Context, from netip.Addr, token string, at cacheKey) (Token, error) {
	now := time.Now()
	before, known := k.good.GetIfPresent(at)
	if known && now.Before(before.until) {
		return before.token, nil
	}
	if r, refused := k.bad.GetIfPresent(at); refused {
		return r.token, r.err
	}
	raw, err := k.answer(ctx, question{from: from, token: token, id: string(at.token[:]), known: known})
	if err != nil {
		return Token{}, err
	}
	t, err := k.authority.judgeAnswer(raw, request{audience: at.audience, now: time.Now(), asked: true})
	switch {
	case err == nil:
		k.remember(at, t)
	case judged(err):
		k.good.Invalidate(at)
		k.bad.Set(at, &refusal{t, err})
	}
	return t, err
}

// remember keeps what was accepted: until the answer is old, or the token
// expires, without leeway (AUT-28).
func (k *asker) remember(at cacheKey, t Token) {
	until := time.Now().Add(k.settings.MaxCache)
	if t.Expires.Before(until) {
		until = t.Expires
	}
	k.good.Set(at, &remembered{token: t, until: until})
}

// question is what an issuer is to be asked.
type question struct {
	from  netip.Addr // whose request the token came with first
	token string
	id    string // of the token: those who ask about one are told together
	known bool   // it was good lately
}

// answer asks once for all who want to know the same at the same time. What
// comes of it does not depend on which of them waits.
func (k *asker) answer(ctx context.Context, q question) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	result := k.one.DoChan(q.id, func() (any, error) {
		raw, err := k.ask(q)
		return raw, err
	})
	select {
	case r := <-result:
		if r.Err != nil {
			return nil, fmt.Errorf("issuer %s: %w", k.authority.settings.Issuer, r.Err)
		}
		raw, _ := r.Val.([]byte)
		return raw, nil
	case <-ctx.Done():
		// Whoever comes next asks anew: this question ends a moment later, with the
		// same failure.
		k.one.Forget(q.id)
		return nil, fmt.Errorf("issuer %s: waiting for its answer: %w", k.authority.settings.Issuer, ctx.Err())
	}
}

// ask puts one question. A panic is an error: it would end the process.
func (k *asker) ask(q question) (raw []byte, err error) {
	ctx, done, err := k.flights.begin()
	if err != nil {
		return nil, err
	}
	defer done()
	defer func() {
		if p := recover(); p != nil {
			raw, err = nil, fmt.Errorf("asking panicked (%T)", p)
		}
	}()
	give, err := k.turn(ctx, q)
	if err != nil {
		return nil, err
	}
	defer give()
	proof, err := k.proof.secret()
	if err != nil {
		return nil, err
	}
	req, err := k.request(ctx, q.token, proof)
	if err != nil {
		return nil, err
	}
	if !k.breaker.TryAcquirePermit() {
		return nil, errBroken
	}
	answered := false
	defer func() { // also after a panic, or the permit would be lost
		if answered {
			k.breaker.RecordSuccess()
		} else {
			k.breaker.RecordFailure()
		}
	}()
	if raw, err = k.put(req, q.token, proof); err != nil {
		answered = aboutToken(err)
		return nil, err
	}
	err = checkAnswer(raw)
	answered = err == nil
	return raw, err
}

// put sends a question. One that is refused with 401 is put again with another version of the
// secret, while there are two; twice, for the issuer may change what it takes between them.
func (k *asker) put(req *http.Request, token, proof string) (raw []byte, err error) {
	const times = 2
	for n := 0; ; n++ {
		raw, err = k.web.do(req, maxAnswer, []string{"application/json"})
		if s, ok := errors.AsType[*statusError](err); !ok || s.code != http.StatusUnauthorized || n == times {
			return raw, err
		}
		other, ok := k.proof.instead(proof)
		if !ok {
			return raw, err
		}
		proof = other
		if req, err = k.request(req.Context(), token, proof); err != nil {
			return nil, err
		}
	}
}

// aboutToken tells whether the issuer refused the question for what was asked, or
// for how much: it works, and strangers who ask odd things do not make it broken.
// What it says of Doorward itself (401, 403) is a failure.
func aboutToken(err error) bool {
	s, ok := errors.AsType[*statusError](err)
	return ok && s.code/100 == 4 && s.code != http.StatusUnauthorized && s.code != http.StatusForbidden
}

// turn waits for a place among the questions that are out, for as long as whoever
// asks waits for an answer: first among those of the same address, and then among
// all. A token that was good lately takes nobody's share.
func (k *asker) turn(ctx context.Context, q question) (give func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	share := func() {}
	var reserve chan struct{} // nil: never ready
	if q.known {
		reserve = k.reserve
	} else if share, err = k.shares.take(ctx, q.from); err != nil {
		return nil, err
	}
	select {
	case k.asking <- struct{}{}:
		return func() { <-k.asking; share() }, nil
	case reserve <- struct{}{}:
		return func() { <-k.reserve; share() }, nil
	case <-ctx.Done():
		share()
		return nil, errBusy
	}
}

// request is the question (RFC 7662 §2.1), with a proof of who asks.
func (k *asker) request(ctx context.Context, token, proof string) (*http.Request, error) {
	address := k.settings.URL
	if address == "" {
		var err error
		if address, err = k.authority.keeper.questioned(ctx); err != nil {
			return nil, err
		}
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	header := http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"},
		"Accept":       {"application/json"},
	}
	if err := k.proof.add(header, form, proof); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errors.New("the URL cannot be asked")
	}
	req.Header = header
	return req, nil
}
