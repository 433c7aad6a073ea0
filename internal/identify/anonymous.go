package identify

import "doorward/internal/gate"

// AnonymousPrincipal is who a client without a credential is
// (identity.anonymous), when it is on this machine.
type AnonymousPrincipal struct {
	Subject string
	Roles   []string
}

// fromLoopback judges by the connection's address as listen gives it. What a
// header claims is not looked at: anybody can write it.
func fromLoopback(ex *gate.Exchange) bool {
	return ex.Inbound.Remote.IsValid() && ex.Inbound.Remote.Unmap().IsLoopback()
}
