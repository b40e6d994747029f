// Package lint holds tests about the repository as a whole: which package may
// import which, that comments leave no unexplained work behind, that no large
// file slips in, and that what the documents point at exists. It has no code
// that others call.
package lint
