/** What is kept of the query of a URL, for as long as a socket, session or handle that came with it lives. */

/** More parameters, and longer ones, are left out: a session may have thousands of handles, each with a query of its own. */
const PARAMETERS_MAX = 16
const PARAMETER_LENGTH_MAX = 256

/** @param query parsed, or the part of a URL behind the `?` */
export function keptQuery(query: URLSearchParams | string): URLSearchParams {
  const kept = [...new URLSearchParams(query)].filter(
    ([name, value]) => name.length + value.length <= PARAMETER_LENGTH_MAX,
  )
  // Parsed again from a text of its own: parts of a string keep all of it.
  return new URLSearchParams(Buffer.from(new URLSearchParams(kept.slice(0, PARAMETERS_MAX)).toString()).toString())
}
