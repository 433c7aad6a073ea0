package issuer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/issuer"
)

func TestAUT08_Exp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := one(t, nil)
		now := time.Now().Unix()
		for _, exp := range []any{now - 29, now - 15, now + 1, now + 3600, float64(now) + 0.5, now + 24*3600} {
			accepted(t, s, good("exp", exp, "iat", now-60))
		}
		for _, exp := range []string{
			"", `"` + fmt.Sprint(now+600) + `"`, "1e400", "-1", "-1e400", fmt.Sprint(now + 10*365*24*3600), "null", "true", "[]", "{}",
			fmt.Sprintf("[%d]", now+600),
			"1e308", "99999999999999999999", fmt.Sprint(now+600) + "000", fmt.Sprintf("%d.%s", now+600, strings.Repeat("0", 40)),
			fmt.Sprint((now + 600) * 1000), "NaN", "Infinity", "0x7fffffff",
			fmt.Sprint(now + 24*3600 + 31), "253402300800", "-0.1", "+1", "01",
		} {
			token := raw("exp", exp)
			if exp == "" {
				token = good("exp", nil)
			}
			refused(t, s, token)
		}
		for _, ago := range []int64{30, 31, 32, 60, 3600, 24 * 3600, 365 * 24 * 3600, now - 1, now} {
			token := good("exp", now-ago, "iat", max(now-ago-10, 0))
			got, err := verify(s, token)
			want := issuer.Token{Method: "jwt", Issuer: issuer1, Subject: "alice", ID: "t-1"}
			if diff := cmp.Diff(want, got); !errors.Is(err, issuer.ErrExpired) || diff != "" {
				t.Errorf("expired %d s ago: %v (-want +got):\n%s", ago, err, diff)
			}
		}
		// A proof that was never good is not expired.
		for _, token := range []string{
			good("exp", now-31, "aud", "https://other.test"), good("exp", now-31)[:100], good("exp", now-31, "sub", nil),
			good("exp", now-31, "iat", nil),
		} {
			refused(t, s, token)
		}
	})
}

// What is remembered is judged anew each time.
func TestAUT08_ARememberedTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := one(t, nil)
		token := good("exp", time.Now().Unix()+10)
		for range 39 {
			accepted(t, s, token)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Second)
		if got, err := verify(s, token); !errors.Is(err, issuer.ErrExpired) || got.Subject != "alice" || got.Scopes != nil {
			t.Errorf("after 40 s: %+v, %v", got, err)
		}
	})
}

func TestAUT09_NbfAndIat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := one(t, nil)
		now := time.Now().Unix()
		for _, more := range [][]any{
			{"nbf", now},
			{"nbf", now + 29},
			{"nbf", now + 30},
			{"nbf", 0},
			{"iat", now + 29},
			{"iat", now - 24*3600},
			{"iat", float64(now) - 0.25},
			{"nbf", now - 10, "iat", now},
		} {
			accepted(t, s, good(more...))
		}
		for _, more := range [][]any{
			{"nbf", now + 31},
			{"nbf", now + 601},
			{"nbf", now + 600, "exp", now + 599},
			{"nbf", now + 20, "exp", now + 10},
			{"nbf", fmt.Sprint(now)},
			{"nbf", true},
			{"nbf", []int64{now}},
			{"nbf", fields{}},
			{"nbf", -1},
			{"iat", nil},
			{"iat", now + 31},
			{"iat", now + 3600},
			{"iat", fmt.Sprint(now)},
			{"iat", false},
			{"iat", now - 24*3600 - 31},
			{"iat", 0},
			{"iat", -1},
			{"iat", now * 1000},
			{"iat", now + 5, "exp", now + 2},
			{"iat", fields{"at": now}},
			{"nbf", now * 1000},
		} {
			refused(t, s, good(more...))
		}
		for _, value := range []string{"null", "1e400", "-1e400", "[]"} {
			refused(t, s, raw("nbf", value))
			refused(t, s, raw("iat", value))
		}
	})
}

func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := one(t, func(s *issuer.Settings) { s.MaxAge = 5 * time.Minute })
		now := time.Now().Unix()
		accepted(t, s, good("exp", now+300, "iat", now-300))
		for _, more := range [][]any{{"exp", now + 331}, {"exp", now + 300, "iat", now - 331}, {}} {
			refused(t, s, good(more...))
		}
	})
}
