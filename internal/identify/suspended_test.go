package identify_test

import (
	"net/netip"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/identify"
)

// suspended suspends what it is asked for.
type suspended struct {
	origin, caller gate.Code
	down, lost     bool // nothing is known, or nothing of callers
	asked          []string
}

func (s *suspended) answer(code gate.Code) (gate.Code, error) {
	if s.down {
		return code, &gate.Error{Code: gate.CodeContainedDown, Op: "test"}
	}
	return code, nil
}

func (s *suspended) Origin(from netip.Addr) (gate.Code, error) {
	s.asked = append(s.asked, from.String())
	return s.answer(s.origin)
}

func (s *suspended) Caller(who *gate.Principal) (gate.Code, error) {
	s.asked = append(s.asked, who.Subject)
	s.down = s.down || s.lost
	return s.answer(s.caller)
}

// Where a request comes from is judged before its credential is looked at, and who
// sent it after; what cannot be known refuses. Who was proved is the principal of the
// refusal, too.
func TestWhatIsSuspendedIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name string
		s    suspended
		key  string
		want gate.Code
		seen bool   // the key was looked at
		who  string // the principal, refused or not
	}{
		{"nothing", suspended{}, good, "", true, "alice"},
		{"the address", suspended{origin: gate.CodeContainedAddress}, good, gate.CodeContainedAddress, false, ""},
		{"everything", suspended{origin: gate.CodeContained}, "expired", gate.CodeContained, false, ""},
		{"the principal", suspended{caller: gate.CodeContainedPrincipal}, good, gate.CodeContainedPrincipal, true, "alice"},
		{"a bad key is a bad key", suspended{caller: gate.CodeContainedPrincipal}, "revoked", gate.CodeBadCredential, true, ""},
		{"nobody knows", suspended{down: true}, good, gate.CodeContainedDown, false, ""},
		{"nobody knows of the principal", suspended{lost: true}, good, gate.CodeContainedDown, true, "alice"},
		{"anonymous", suspended{caller: gate.CodeContainedPrincipal}, "", gate.CodeContainedPrincipal, false, "local"},
		{"anonymous, and nothing", suspended{}, "", "", false, "local"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := &keys{}
			s := stage(t, identify.Config{APIKeys: true, Keys: k, Suspended: &tc.s, Anonymous: &identify.AnonymousPrincipal{Subject: "local"}})
			ex := from("127.0.0.1")
			if tc.key != "" {
				ex = from("127.0.0.1", "Bearer "+tc.key)
			}
			if got := code(t, s, ex); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if who := ex.Principal; who == nil && tc.who != "" || who != nil && who.Subject != tc.who {
				t.Errorf("the principal is %+v, want %q", who, tc.who)
			}
			if seen := len(k.asked) > 0; seen != tc.seen {
				t.Errorf("the key was looked at: %v", seen)
			}
			if len(tc.s.asked) == 0 || tc.s.asked[0] != "127.0.0.1" {
				t.Errorf("asked was %v", tc.s.asked)
			}
		})
	}
}
