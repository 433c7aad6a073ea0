package judge_test

import (
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/judge"
)

// A question about a definition that was not answered is not put again for half a
// minute; one about a call is, and a new look is.
func TestFailureIsRemembered(t *testing.T) {
	asked := 0
	j, err := judge.New(judge.Config{URL: "http://127.0.0.1:9", Timeout: time.Second, Secret: func() (gate.Secret, error) {
		asked++
		return gate.Secret{}, errors.New("no secret")
	}})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { // the judge's cache has a goroutine that must not be in it
		definition, call := judge.Question{Kind: judge.KindDefinition, Item: "a"}, judge.Question{Kind: judge.KindCall, Item: "a"}
		for i, tc := range []struct {
			q      judge.Question
			after  time.Duration
			again  bool
			puts   bool
			recent bool
		}{
			{q: definition, puts: true},
			{q: definition, recent: true},
			{q: call, puts: true},
			{q: call, puts: true},
			{q: definition, after: 29 * time.Second, recent: true},
			{q: definition, after: 2 * time.Second, puts: true},
			{q: definition, again: true, puts: true},
		} {
			time.Sleep(tc.after)
			if tc.again {
				j.AskAgain()
			}
			before := asked
			a, err := j.Ask(t.Context(), tc.q)
			if a.Opinion != judge.Block || err == nil || errors.Is(err, judge.ErrRecently) != tc.recent || (asked > before) != tc.puts {
				t.Errorf("%d: %v, %v, asked %v", i, a, err, asked > before)
			}
		}
		// What is remembered is bounded: the first of many is forgotten, or others are.
		const many = 5000
		for range 2 {
			for i := range many {
				if _, err := j.Ask(t.Context(), judge.Question{Kind: judge.KindDefinition, Item: strconv.Itoa(i)}); err == nil {
					t.Fatal("answered")
				}
			}
		}
		if asked < many+many-4096 {
			t.Errorf("asked %d times about %d definitions, twice", asked, many)
		}
	})
}
