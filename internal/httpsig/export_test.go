package httpsig

// MAC signs a base that is made of these lines, each a component's name and
// value: the general parts of RFC 9421, for the RFC's own example.
func MAC(secret []byte, lines [][2]string, params string) [32]byte {
	components := make([]component, 0, len(lines))
	for _, l := range lines {
		components = append(components, component{l[0], l[1]})
	}
	return mac(secret, baseOf(components, params))
}
