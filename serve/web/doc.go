// Package web shows a colony to people who would rather look than read, in a browser.
//
//	server ──> page: HTML of a template, for what operations tell; read without scripts
//	       ──> form: a POST with a token, an operation, and a redirect to a page
//	       ──> static: a style sheet and one module, which has pages renewed as
//	           events come, and shows long lists by what is visible of them
//
// The pages allow themselves nothing that is not served by us, and no script or style
// within them. docs/web.md is what people are told.
package web
