package gate

import (
	"strconv"
	"time"
)

// Principal is who the client proved to be. identify makes it; nothing changes
// it afterwards.
type Principal struct {
	Method     string    // how it was proved: "api_key", "anonymous"
	Subject    string    // who: the key's name, or the configured anonymous subject
	Tenant     string    // empty when the method knows no tenants
	Credential string    // public id of the credential (a key's id); never the credential itself
	Roles      []string  // sorted
	Expires    time.Time // zero: does not expire
}

// Key identifies the principal in session, pool and ownership tables: two
// requests belong to the same principal exactly when their keys are equal.
// The parts are length-prefixed, so no subject can imitate another's key.
func (p *Principal) Key() string {
	if p == nil {
		return ""
	}
	return string(p.appendKey(make([]byte, 0, len(p.Method)+len(p.Tenant)+len(p.Subject)+len("00:00:00:"))))
}

// HasKey tells whether key is the principal's Key, without making one.
func (p *Principal) HasKey(key string) bool {
	if p == nil {
		return key == ""
	}
	var room [128]byte
	return string(p.appendKey(room[:0])) == key
}

func (p *Principal) appendKey(b []byte) []byte {
	for _, s := range [...]string{p.Method, p.Tenant, p.Subject} {
		b = strconv.AppendInt(b, int64(len(s)), 10)
		b = append(b, ':')
		b = append(b, s...)
	}
	return b
}
