"""The mapping of a file's columns. Each choice takes effect at once, and the check starts over."""

from collections.abc import Callable

import streamlit as st

from blnk_api import currencies
from blnk_api.access.actors import NotAllowed
from blnk_api.drafts import mapping as mappings
from blnk_api.drafts import mapping_changes
from blnk_api.drafts.edits import file_choices
from blnk_api.drafts.edits.editing import NotRepairable
from blnk_api.drafts.guide import column_reasons, steps
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import CHOICES, ColumnUse, Mapping, Use
from blnk_api.facts.totals import Totals
from blnk_api.files.amount_names import names_an_amount
from blnk_api.store.imports import Import
from blnk_api.store.people import saved_mappings
from blnk_api.store.states import ImportState
from blnk_api.wording import about_files
from pages.balance import form
from pages.kit import look, person
from pages.kit.context import Visit
from pages.kit.picker import pick, put

_PER_PAGE = 12


def show(visit: Visit, import_: Import) -> None:
    """The columns with samples, values for all rows, key columns, and saved mappings."""
    mapping, shape = import_.mapping, import_.shape
    assert mapping is not None
    assert shape is not None
    _offer_saved(visit, import_, shape)
    _columns(visit, import_, mapping, shape)
    _for_all_rows(visit, import_, mapping)
    _identity_key(visit, import_, mapping)
    _match(visit, import_, mapping)
    _save(visit, import_, mapping, shape)


def _apply(visit: Visit, import_: Import, change: Callable[[Mapping], Mapping]) -> bool:
    """Applies a change to the mapping as it is now, so that two quick changes both count. Returns whether it
    worked."""
    now = visit.reload(import_.id)
    # If one run overtakes another, a browser may report the choices of a draft again that is already
    # confirmed. Nobody made them, and an error here would replace the page that is shown.
    if now is None or now.mapping is None or now.state is not ImportState.DRAFT:
        return False
    mapping = change(now.mapping)
    try:
        file_choices.match(visit.desk.store, import_.id, mapping, who=person.or_nobody(visit))
    except (NotRepairable, NotAllowed) as problem:
        look.problem(str(problem))
        return False
    return True


def _holding(key: str, kept: object) -> str:
    """The key of a widget that shows the stored value; a new key if the widget shows something else.

    A value that is put into the session for a widget is lost if the next run overtakes this one before the
    browser has received it. The browser then shows the widget's own default and reports it as a choice. So
    the stored value is the default, and a widget that shows something else is replaced, never corrected.
    """
    counter = f"{key}-replaced"
    replaced = int(st.session_state.get(counter, 0))
    if st.session_state.get(f"{key}-{replaced}", kept) != kept:
        replaced += 1
        st.session_state[counter] = replaced
    return f"{key}-{replaced}"


def _columns(visit: Visit, import_: Import, mapping: Mapping, shape: FileShape) -> None:
    pages = -(-len(mapping.columns) // _PER_PAGE)
    page = st.pagination(pages, key=f"columns-page-{import_.id}") if pages > 1 else 1
    with st.container(key="matching", gap="small"):
        for column in mapping.columns[(page - 1) * _PER_PAGE : page * _PER_PAGE]:
            _column(visit, import_, mapping, shape, column)


def _column(visit: Visit, import_: Import, mapping: Mapping, shape: FileShape, column: ColumnUse) -> None:
    left, middle, right = st.columns([5, 4, 4], vertical_alignment="top")
    called = about_files.column(import_, column.position)
    with left, st.container(gap=None):
        st.text(called)
        values = " · ".join(mapping_changes.samples_of(shape, column.position))
        st.caption(look.safe(values or about_files.no_values(shape), 90))
        if why := column_reasons.reason(column, shape, _checked(import_)):
            st.caption(look.safe(why))
        if column.use is Use.CURRENCY:
            st.caption("A row with several codes, such as USD;EUR, creates one balance in each.")
    if column.use not in CHOICES:
        middle.text(about_files.use(column.use))
        return
    if column.use in (Use.METADATA, Use.REFERENCE) and names_an_amount(column.header):
        left.caption("Amounts are not posted: every new balance starts at zero.")
    key = _holding(f"use-{import_.id}-{column.position}", column.use)

    def choose() -> None:
        use = st.session_state[key]
        _apply(visit, import_, lambda now: mapping_changes.with_use(now, column.position, use, column.name))

    middle.selectbox(
        f"{look.label(called)} maps to",
        CHOICES,
        index=CHOICES.index(column.use),
        key=key,
        format_func=about_files.use,
        on_change=choose,
        label_visibility="collapsed",
    )
    if column.use in (Use.METADATA, Use.REFERENCE):
        name_key = _holding(f"name-{import_.id}-{column.position}", column.name or "")

        def rename() -> None:
            name = st.session_state[name_key]
            _apply(visit, import_, lambda now: mapping_changes.with_name(now, column.position, name))

        right.text_input(
            f"{look.label(called)} metadata key",
            column.name or "",
            key=name_key,
            on_change=rename,
            label_visibility="collapsed",
            help="The metadata key that Blnk stores this column under.",
        )


def _checked(import_: Import) -> Totals:
    """What the check found for this mapping. Empty while another mapping is being checked."""
    return import_.totals if steps.has_rows(import_) else Totals()


def _for_all_rows(visit: Visit, import_: Import, mapping: Mapping) -> None:
    """Values for fields that the file has no column for."""
    chosen = mapping.for_all_rows
    if mapping.column(Use.LEDGER) is None:
        _ledger_for_all_rows(visit, import_, chosen.ledger_id)
    if mapping.column(Use.CURRENCY) is None:
        key = _holding(f"for-all-currencies-{import_.id}", list(chosen.currencies))

        def choose() -> None:
            codes = st.session_state[key]
            _apply(
                visit,
                import_,
                lambda now: mapping_changes.for_all_rows(
                    now, ledger_id=now.for_all_rows.ledger_id, currencies=codes
                ),
            )

        custom = visit.connection.custom_currencies if visit.connection else frozenset()
        st.multiselect(
            "Currencies for all rows",
            currencies.choices(custom),
            chosen.currencies,
            key=key,
            on_change=choose,
            help="With several currencies, each row creates one balance in each.",
            filter_mode="fuzzy",
            select_all=False,  # with it, Enter chooses all that contain what was typed: fourteen for eur
            format_func=currencies.label,
        )


def _ledger_for_all_rows(visit: Visit, import_: Import, kept: str | None) -> None:
    key, known = f"for-all-ledger-{import_.id}", f"for-all-ledger-kept-{import_.id}"
    if st.session_state.get(known) != kept:  # chosen elsewhere, or before this visit
        st.session_state[known] = kept
        put(key, (kept, "") if kept else None)
    picked = pick(
        "Ledger for all rows",
        key,
        search=form.ledgers(visit),
        placeholder="Search by name, or paste an id",
        list_first=True,
    )
    ledger_id = picked[0] if picked else None
    if ledger_id != kept:
        st.session_state[known] = ledger_id
        if _apply(
            visit,
            import_,
            lambda now: mapping_changes.for_all_rows(
                now, ledger_id=ledger_id, currencies=now.for_all_rows.currencies
            ),
        ):
            st.rerun()


def _identity_key(visit: Visit, import_: Import, mapping: Mapping) -> None:
    if mapping.column(Use.IDENTITY) is None:
        return
    key = _holding(f"identity-key-{import_.id}", mapping.identity_key or "")

    def choose() -> None:
        _apply(visit, import_, lambda now: mapping_changes.with_identity_key(now, st.session_state[key]))

    st.text_input(
        "Identity metadata key (leave empty to match by id, email or name)",
        mapping.identity_key or "",
        key=key,
        on_change=choose,
        placeholder="Example: customer_number",
    )


def _match(visit: Visit, import_: Import, mapping: Mapping) -> None:
    names = [column.name for column in mapping.metadata_columns if column.name]
    if not names:
        return
    kept = [name for name in mapping.match_columns or () if name in names]
    key = _holding(f"match-{import_.id}", kept)

    def choose() -> None:
        _apply(visit, import_, lambda now: mapping_changes.with_match(now, st.session_state[key]))

    st.multiselect(
        "Key columns: two rows with the same values here are the same balance",
        names,
        kept,
        key=key,
        on_change=choose,
        placeholder="All columns",
        select_all=False,
        help="Ledger, currency and identity are always compared too. With no key columns, identical rows "
        "create separate balances and you get a warning; with key columns, they are an error.",
    )


def _adopt(visit: Visit, import_: Import, saved: Mapping, shape: FileShape) -> bool:
    return _apply(visit, import_, lambda _: mappings.adopt(saved, shape))


def _offer_saved(visit: Visit, import_: Import, shape: FileShape) -> None:
    with visit.desk.store.read() as tx:
        offered = saved_mappings.saved_for(tx, mappings.fingerprint(shape.headers))
    if not offered:
        return
    applied = next((one for one in offered if mappings.adopt(one.mapping, shape) == import_.mapping), None)
    if applied is not None:
        st.markdown(
            f":material/bookmark: The saved mapping “{look.safe(applied.name)}” is applied: this file has "
            "the same columns."
        )
        offered = [one for one in offered if one is not applied]
    if not offered:
        return
    st.caption("Saved mappings for files with these columns:")
    with st.container(horizontal=True):
        for at, one in enumerate(offered[:5]):
            chosen = st.button(
                look.safe(one.name), key=f"saved-{import_.id}-{at}", icon=":material/bookmark:"
            )
            if chosen and _adopt(visit, import_, one.mapping, shape):
                st.rerun()


def _save(visit: Visit, import_: Import, mapping: Mapping, shape: FileShape) -> None:
    with (
        st.form(f"save-form-{import_.id}", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        name = st.text_input(
            "Mapping name",
            key=f"save-name-{import_.id}",
            max_chars=saved_mappings.MOST_NAME_CHARACTERS,
        )
        if not st.form_submit_button("Save mapping", key=f"save-{import_.id}"):
            return
    try:
        with visit.desk.store.write() as tx:
            saved_mappings.save(
                tx,
                fingerprint=mappings.fingerprint(shape.headers),
                name=name,
                mapping=mapping,
                who=person.or_nobody(visit),
                instance=import_.instance,
            )
    except (ValueError, NotAllowed) as problem:
        look.problem(str(problem))
    else:
        st.toast("Mapping saved. It will be applied to the next file with these columns.")
