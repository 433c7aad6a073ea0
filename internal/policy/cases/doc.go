// Package cases reads files of policy cases, who asks for what and what must come
// of it, and holds a policy to them. `doorward policy test` calls it; explain makes
// its principals with it.
//
// It asks the policy alone, as authorize does: whether a tool exists, is approved
// and takes such arguments is not looked at. It opens nothing and changes nothing.
package cases
