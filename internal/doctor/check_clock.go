package doctor

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// maxSkew is how far two clocks may be apart: checkers of tokens allow about a
// minute.
const maxSkew = time.Minute

const setClock = "set the clock that is wrong: timedatectl set-ntp true"

// checkClock compares the server's clock with this machine's.
func checkClock(_ context.Context, e *exam) []Finding {
	a := e.contact.best()
	if a == nil || a.err != nil {
		return skip("clock", unreached)
	}
	var found []Finding
	if token, ok := readClaims(e.key.text); ok && time.Now().Before(token.NotBefore) {
		found = append(found, Finding{
			ID: "clock", Status: Problem, Cause: "not_before",
			Seen: fmt.Sprintf("the token is good only from %s, and here it is %s", token.NotBefore.Format(time.RFC3339), time.Now().UTC().Format(time.RFC3339)),
			Why:  "a token that is not good yet is refused", Fix: setClock,
		})
	}
	date, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		if len(found) == 0 {
			return skip("clock", "the server does not say what time it is")
		}
		return found
	}
	apart := date.Sub(a.at).Round(time.Second)
	if apart.Abs() > maxSkew {
		than := "ahead of"
		if apart < 0 {
			than = "behind"
		}
		return append(found, Finding{
			ID: "clock", Status: Problem, Cause: "skew",
			Seen: fmt.Sprintf("the server's clock is %v %s this machine's", apart.Abs(), than),
			Why:  "tokens and certificates seem expired, or not good yet, to one of them", Fix: setClock,
		})
	}
	if len(found) > 0 {
		return found
	}
	return fine("clock", "the server's clock and this machine's agree")
}
