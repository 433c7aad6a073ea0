package figures

import "time"

// The kinds of what is replaced in time.
const (
	KindSecret = "secret"
	KindAPIKey = "api_key"
	KindSigner = "audit_signer" // the key that signs checkpoints
	KindRoot   = "audit_root"   // the key that seals those of persons
)

// Kinds are all of them.
func Kinds() []string { return []string{KindSecret, KindAPIKey, KindSigner, KindRoot} }

// Age is how old a secret or a key is.
type Age struct {
	Kind  string
	Name  string // of the configuration; of an API key its id
	Since time.Time
	Most  time.Duration // age at which it is replaced; 0: nobody said
	Fault string        // why its age is not known; empty: it is
}

// Within tells whether it need not be replaced yet. What cannot be looked at counts
// as overdue.
func (a *Age) Within(now time.Time) bool {
	return a.Fault == "" && !a.Since.IsZero() && now.Sub(a.Since) <= a.Most
}

// Standing is how many of one kind have an age at which they are replaced, and how
// many of those are within it.
type Standing struct{ Within, All int64 }

// Rotation is the fourth figure, by kind. What nobody gave an age is left out.
func Rotation(ages []Age, now time.Time) map[string]Standing {
	out := map[string]Standing{}
	for _, kind := range Kinds() {
		out[kind] = Standing{}
	}
	for i := range ages {
		a := &ages[i]
		if a.Most <= 0 {
			continue
		}
		s := out[a.Kind]
		s.All++
		if a.Within(now) {
			s.Within++
		}
		out[a.Kind] = s
	}
	return out
}

// Sum is the standing of all kinds together.
func Sum(kinds map[string]Standing) (all Standing) {
	for _, s := range kinds {
		all.All += s.All
		all.Within += s.Within
	}
	return all
}
