package identify

// LocalPrincipal is who speaks on a transport that itself proves the local user:
// on stdio, the user who started the process.
type LocalPrincipal struct {
	Subject string
	Roles   []string
}
