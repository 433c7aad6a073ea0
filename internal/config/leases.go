package config

import "strings"

// leased checks a secret that is made for each call.
func (v *checker) leased(path string, s Secret) {
	if !strings.HasPrefix(s.From, "vault:") {
		v.fault(path+".lease", "call is for from: vault:MOUNT/PATH#FIELD")
	}
	if s.MaxAge != 0 {
		v.fault(path+".max_age", "is for what lasts longer than a call (lease: call)")
	}
}

// leasedVariable checks that a secret for each call goes to a process for each call.
func (v *checker) leasedVariable(path string, u Upstream) {
	if u.Sandbox.Lifetime != "call" {
		v.fault(path, "is made for each call (lease: call), and needs sandbox: {lifetime: call}: a process that outlives a call would keep it")
	}
}

// leasedHeader checks that a secret for each call goes with requests of one call each.
func (v *checker) leasedHeader(path string, u Upstream) {
	if u.Transport != "" && u.Transport != "streamable" || isWebSocket(u.URL) {
		v.fault(path, "is made for each call (lease: call), and needs the transport streamable: others have headers once for all their calls")
	}
}
