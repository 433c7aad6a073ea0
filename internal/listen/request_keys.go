package listen

import (
	"fmt"

	"doorward/internal/gate"
)

// maxRequestKey bounds a client's own key in bytes.
const maxRequestKey = 4096

// takeKeys takes the client's own keys for upstreams out of the header, before
// anything could record or pass it on. It returns the name of a header that does
// not hold exactly one key; no key is kept then.
func (v *visit) takeKeys() (bad string) {
	for _, name := range v.settings.RequestKeys {
		values, sent := v.r.Header[name]
		if !sent {
			continue
		}
		delete(v.r.Header, name)
		if len(values) != 1 || !visibleKey(values[0]) {
			bad = name
			continue
		}
		if v.keys == nil {
			v.keys = make(map[string]gate.Secret, len(v.settings.RequestKeys))
		}
		v.keys[name] = gate.NewSecret(values[0])
	}
	if bad != "" {
		v.keys = nil
	}
	return bad
}

// visibleKey tells whether s is 1 to maxRequestKey bytes of visible ASCII.
func visibleKey(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != "" && len(s) <= maxRequestKey
}

// oneKey says what the header of that name must hold.
func oneKey(name string) string {
	return fmt.Sprintf("send %s once, with 1 to %d visible ASCII characters", name, maxRequestKey)
}
