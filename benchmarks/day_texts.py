"""What the users of the simulated day talk about, and how they complain: themes with known shares, as sentences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """One kind of fault: its ``share`` of all answers that let a user down, what was asked, answered and said of it.

    ``{x}`` and ``{y}`` are filled from ``things`` and ``others``; a complaint is an opening, one of ``said``, a tail.
    """

    name: str
    share: float
    asked: tuple[str, ...]
    answered: tuple[str, ...]
    said: tuple[str, ...]
    things: tuple[str, ...]
    others: tuple[str, ...]


THEMES = (
    Theme("citations", 0.16,
          ("Find three papers on {x} with links", "Which study shows that {x} helps against {y}? Give the source",
           "List sources for my essay about {x}"),
          ("See Smith et al. (2019), a study on {x}, at example.org.", "A good source on {x} is the 2021 review."),
          ("the citation about {x} does not exist, the source is invented",
           "that paper on {x} is not real, the link to "
           "the source is dead", "you made up the reference for {x}, no such journal article can be found",
           "none of the sources you cite for {x} are real, the author never wrote that paper",
           "fake citation again: the doi of the {x} article leads nowhere"),
          ("sleep", "vitamin D", "coral reefs", "inflation", "bilingual children", "solar cells", "gut bacteria",
           "remote work", "microplastics", "green tea", "noise in cities", "teacher pay"),
          ("stress", "cancer", "poverty", "depression", "heat", "obesity", "migraine", "burnout")),
    Theme("refund rules", 0.14,
          ("Can I send back {x} after {y}?", "What is your return policy for {x}?", "I want my money back for {x}"),
          ("You can return {x} at any time.", "Refunds for {x} are paid within a day."),
          ("the refund rule for {x} is wrong, returns end after {y}", "support refused my refund for {x}, you told me "
           "the return was free", "that is not the return policy, {x} cannot be sent back after {y}",
           "wrong refund deadline for {x}, the shop says {y}", "you promised money back for {x} and the store denied "
           "the return"),
          ("shoes", "a blender", "the winter coat", "headphones", "a sofa", "contact lenses", "the tent",
           "a phone case",
           "gift cards", "a mattress", "the drill", "a lamp"),
          ("five weeks", "14 days", "30 days", "two months", "a week", "90 days", "opening the box", "the sale")),
    Theme("code does not run", 0.13,
          ("Write a Python function that parses {x}", "How do I read {x} with {y}?", "Fix my script for {x}"),
          ("def parse(x): return {y}.load(x)", "Use {y}.read_all on {x}."),
          ("the code for {x} throws an AttributeError in {y}", "your function does not run, {y} has no such method for "
           "{x}", "the script crashes with a traceback when it reads {x}", "this does not compile, the import of {y} "
           "fails", "syntax error in the code you wrote for {x}"),
          ("CSV files", "log files", "XML", "dates", "YAML", "JSON lines", "emails", "URLs", "zip archives",
           "HTML tables",
           "timestamps", "config files"),
          ("pandas", "numpy", "requests", "lxml", "polars", "asyncio", "sqlalchemy", "pydantic")),
    Theme("sums and units", 0.11,
          ("How much is {x} in {y}?", "Convert {x} to {y} and add the tax", "What do I pay per month for {x}?"),
          ("{x} is about 12 {y}.", "That makes 31.4 {y}."),
          ("the calculation for {x} is wrong, the total in {y} is off",
           "you converted {x} to {y} with the wrong factor",
           "your arithmetic does not add up, {x} is not that many {y}", "wrong sum again, check the maths for {x}",
           "the percentage you computed for {x} is incorrect"),
          ("40 miles", "3 cups of flour", "a loan of 9,000", "200 pounds", "6 feet", "an acre", "98 degrees",
           "2.5 gallons",
           "a 19 % discount", "45 knots", "7 stone", "a salary of 52,000"),
          ("kilometres", "grams", "euros", "kilograms", "metres", "litres", "celsius", "hectares")),
    Theme("opening hours", 0.09,
          ("When does the {x} in {y} open?", "Is the {x} open on Sunday in {y}?", "Opening hours of the {x}, {y}"),
          ("The {x} in {y} opens at 9.", "It is open every day."),
          ("the {x} was closed, your opening hours for {y} are outdated", "I stood before a closed {x} in {y}, the "
           "hours are old", "wrong opening times, the {x} in {y} is shut on Monday",
           "outdated information, the {x} in {y} changed its hours last year", "the {x} closed down in {y} months ago"),
          ("museum", "library", "pharmacy", "town hall", "swimming pool", "post office", "zoo", "bakery", "castle",
           "vaccination centre", "market", "garage"),
          ("Leeds", "Porto", "Graz", "Ghent", "Turin", "Malmo", "Brno", "Cork")),
    Theme("ignores the length", 0.08,
          ("Summarize {x} in two sentences", "Write {y} words on {x}", "Give me a short summary of {x}"),
          ("{x} is a broad subject. To begin with ...", "Here is a long overview of {x} ..."),
          ("far too long, I asked for two sentences on {x}", "way too wordy, the summary of {x} should be {y} words",
           "you ignored the word limit for {x}", "this is an essay, I wanted a short answer about {x}",
           "much too long again, keep the {x} summary brief"),
          ("the meeting", "chapter four", "the contract", "this article", "the report", "the book", "the speech",
           "the film",
           "the thesis", "the email thread", "the interview", "the policy"),
          ("50", "100", "80", "120", "30", "150", "200", "60")),
    Theme("wrong language", 0.07,
          ("Traduis {x} en {y}", "Answer in {y}: what is {x}?", "Translate the letter about {x} into {y}"),
          ("Sure! In English {x} means ...", "Here is the English text on {x}."),
          ("you answered in English, I wrote in {y}", "please reply in {y} and not in English",
           "the translation switches back to English halfway, it must be {y}", "wrong language, I need {y}",
           "half of the translated letter about {x} is still English instead of {y}"),
          ("the lease", "a recipe", "my application", "the invoice", "a poem", "the manual", "a complaint", "the menu",
           "the diploma", "a greeting", "the insurance", "a prescription"),
          ("French", "German", "Polish", "Spanish", "Dutch", "Czech", "Greek", "Danish")),
    Theme("forgets the thread", 0.06,
          ("And what about {x}?", "As I said before, {x}", "Now do the same for {x}"),
          ("Could you tell me more about {x}?", "What do you mean by {x}?"),
          ("you forgot what I told you about {x} two messages ago", "I already said that {x}, you do not remember",
           "lost the context again, we were talking about {x}", "you keep asking about {x} although I already told you",
           "it does not remember the {x} from earlier in this chat"),
          ("my allergies", "the budget", "the second table", "my daughter", "the deadline", "our address",
           "the first draft",
           "the blue version", "my job", "the tenant", "the old boiler", "the horse"), ("",)),
    Theme("refuses harmless", 0.05,
          ("How do I kill {x}?", "Which knife is best for {x}?", "How do I remove {x} safely?"),
          ("I cannot help with that request.", "Sorry, this may be dangerous."),
          ("it refuses to answer about {x}, that is harmless", "why the refusal, {x} is not dangerous",
           "you lecture me on safety when I ask about {x}", "stop refusing, everyone may ask about {x}",
           "moralising refusal for an innocent question about {x}"),
          ("a zombie process", "weeds", "fruit flies", "mould", "slugs", "a stuck thread", "rust", "wasps", "moths",
           "a python child", "ticks", "lime"), ("",)),
    Theme("bad table", 0.04,
          ("Make a table of {x} by {y}", "Put {x} into a markdown table", "Show {x} as a table with columns"),
          ("| {x} | {y} |", "{x}: 1, 2, 3"),
          ("the markdown table is broken, columns of {x} do not line up", "the table for {x} has no header row",
           "formatting is broken, the table with {x} shows as raw pipes", "columns are swapped in the {x} table",
           "the rows of the {x} table are cut off"),
          ("prices", "players", "planets", "vaccines", "exports", "trains", "wines", "budgets", "votes", "calories",
           "cameras", "rents"), ("year", "country", "size", "team", "month", "brand", "city", "age")),
)
"""The shares leave 7 % to complaints of no theme (``STRAY``)."""

OPENINGS = ("", "", "", "No, ", "Sorry but ", "Hm, ", "Wrong: ", "Not helpful, ", "Again: ", "Honestly, ", "Well, ",
            "This is bad. ", "I am annoyed, ", "Useless, ", "Hello, ")
TAILS = ("", "", "", ".", "!", ", please fix", ", second time today", ". Disappointing", ", not good", ". Check it",
         " :(", ", I lost an hour", ". Very annoying", ", that is wrong", ". Try again")
PRAISE = ("thanks, perfect", "great answer", "that works", "exactly what I needed", "very helpful", "good job", "nice",
          "thank you so much", "awesome, saved me an hour", "brilliant")
STRAY_SAID = ("I do not like the {x}", "the {x} annoys me", "why is there no {x}", "{x} is wrong for me",
              "your {x} is not good", "bring back the old {x}", "{x} never works on my device")
STRAY_THINGS = (
    "colour of the button", "voice", "emoji", "spinner", "dark mode", "tone", "font", "login", "battery use", "pop-up",
    "side bar", "price", "keyboard", "sound", "scrolling", "avatar", "greeting", "microphone", "badge", "clock",
    "advert",
    "upload", "history", "share menu", "plan", "widget", "haptics", "beta", "newsletter", "quota", "captcha",
    "cookie note")
SUBJECTS = (
    "tomatoes", "chess", "mortgages", "jazz", "volcanoes", "bread", "tides", "taxes", "yoga", "trains", "bees", "poker",
    "castles", "cameras", "orchids", "opera", "rust", "magnets", "granite", "cheese", "marathons", "owls", "poetry",
    "bicycles", "batteries", "vaccines", "glaciers", "stamps", "violins", "saffron", "rockets", "maps", "comets",
    "wool")
ASKED = ("How do {x} work?", "Tell me about {x}", "What should I know about {x} as a beginner?",
          "Why are {x} so expensive?",
         "Compare {x} and {y}", "Write a short text about {x} and {y}", "Give me five ideas around {x}",
         "What is the history of {x}?", "Which book about {x} do you recommend?", "Explain {x} to a child")
ANSWERED = (
    "In short, {x} have a long history, and most of what people say about them is right. Start with the basics: "
    "what they "
    "are made of, where they come from, and who uses them. Then look at one example in detail.",
    "There are three things to know about {x}. First, they differ a lot in quality. Second, the price follows "
    "demand. Third, "
    "you can learn the essentials in a weekend if you take notes and try things yourself.",
    "Good question. {x} are best understood by comparison with {y}: both need patience, both reward practice, and "
    "neither is "
    "as hard as it looks. I would begin with a simple guide and a friend who knows more.")
