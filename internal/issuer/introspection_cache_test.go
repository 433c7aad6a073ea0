package issuer_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/issuer"
)

func TestAUT28_HowLongAnAnswerIsUsed(t *testing.T) {
	for _, tc := range []struct {
		name     string
		exp      int64
		maxCache time.Duration
		lasts    time.Duration
	}{{"30 s", 600, 0, 30 * time.Second}, {"configured", 600, 7 * time.Second, 7 * time.Second}, {"exp", 10, 0, 10 * time.Second}, {"exp of now", 0, 0, 0}, {"exp a little past", -10, 0, 0}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, i, network := asking(t, active("exp", time.Now().Unix()+tc.exp, "iat", time.Now().Unix()-60), func(s *issuer.Settings) { s.Introspection.MaxCache = tc.maxCache })
				accepted(t, s, "opaque")
				network.setDown(true)
				i.set(func(i *idp) {
					i.handler = func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
				})
				if tc.lasts > 0 {
					time.Sleep(tc.lasts - time.Second)
					accepted(t, s, "opaque")
					time.Sleep(time.Second)
				}
				unavailable(t, s, "opaque")
				time.Sleep(time.Hour)
				unavailable(t, s, "opaque")
			})
		})
	}
	// One that is revoked is refused when the answer is old.
	synctest.Test(t, func(t *testing.T) {
		s, i, _ := asking(t, active(), nil)
		accepted(t, s, "opaque")
		i.set(func(i *idp) { i.answer = `{"active":false}` })
		time.Sleep(29 * time.Second)
		accepted(t, s, "opaque")
		time.Sleep(time.Second)
		refused(t, s, "opaque")
		if _, good, _ := s.Remembered(); good != 0 {
			t.Error("it is still known as one that was good")
		}
	})
}

func TestAUT30_31_AnswersAreOfOneTokenAndResource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, i, _ := asking(t, "", func(s *issuer.Settings) { s.OtherAudiences = true })
		exp := time.Now().Unix() + 3600
		whole := strings.Repeat("t", 200)
		i.set(func(i *idp) {
			i.handler = func(w http.ResponseWriter, r *http.Request) bool {
				switch r.PostFormValue("token") {
				case whole:
					reply(w, 200, "application/json", active("exp", exp))
				case "both":
					reply(w, 200, "application/json", active("exp", exp, "aud", []string{ours, "https://gw.test/other"}))
				default:
					reply(w, 200, "application/json", `{"active":false}`)
				}
				return true
			}
		})
		for range 2 {
			accepted(t, s, whole)
			for _, n := range []int{20, 32, 64, 128, 199} {
				refused(t, s, whole[:n])
				refused(t, s, whole[:n]+strings.Repeat("u", 200-n))
			}
			for _, token := range []string{whole + " ", " " + whole, strings.ToUpper(whole), whole + "=", whole + "t", "T" + whole[1:]} {
				refused(t, s, token)
			}
			for _, other := range []string{"https://gw.test/other", ours + "/", "https://gw.test/MCP", "https://gw.test"} {
				if _, err := s.Verify(t.Context(), nobody, whole, resource(other)); !errors.Is(err, issuer.ErrInvalid) {
					t.Errorf("used for %s: %v", other, err)
				}
			}
			accepted(t, s, "both")
			if _, err := s.Verify(t.Context(), nobody, "both", resource("https://gw.test/other")); err != nil {
				t.Error(err)
			}
		}
	})
}
