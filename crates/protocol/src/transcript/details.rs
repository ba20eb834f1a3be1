//! The lines that one element of the details must have: those of its template, and one for each other leaf.

use countersign_jose::json::Json;

use super::LineValue;
use super::basis::{ExpectedLine, LineCaption};
use super::caption::Caption;
use super::role::Role;
use super::source::{Source, pointer_part};
use super::table::{self, DetailRow, FOLDED, Form, MAIN, Template};
use crate::details::Element;
use crate::text::{escape, escape_block};

/// Lines of one element in the making.
pub(super) struct ElementLines<'l> {
    lines: &'l mut Vec<ExpectedLine>,
    element: usize,
}

/// Where the walk through an element is.
#[derive(Clone)]
struct Place {
    /// JSON pointer in the details.
    pointer: String,
    /// Source of the nearest name, and the name.
    named: Option<(Source, String)>,
    /// The names above it, for people.
    path: String,
    least: u8,
}

impl Place {
    fn member(&self, name: &str) -> Self {
        let pointer = format!("{}/{}", self.pointer, pointer_part(name));
        let shown = escape(name);
        let path = if self.path.is_empty() { shown.clone() } else { format!("{} › {shown}", self.path) };
        Self { named: Some((Source::details(&pointer), shown)), pointer, path, least: self.least }
    }

    fn element(&self, at: usize) -> Self {
        let pointer = format!("{}/{at}", self.pointer);
        Self { pointer, path: format!("{}[{}]", self.path, at + 1), named: self.named.clone(), least: self.least }
    }
}

impl<'l> ElementLines<'l> {
    /// Adds the lines of an element. Returns whether its type has a template that could read it.
    pub(super) fn add(lines: &'l mut Vec<ExpectedLine>, at: usize, element: &Element) -> bool {
        let mut own = Self { lines, element: at };
        let place = Place { pointer: format!("/{at}"), named: None, path: String::new(), least: MAIN };
        let template = Template::of(&element.kind, &element.object);
        let mut shown = Vec::new();
        if let Some(template) = template {
            if !template.is_family() {
                shown.push("type");
            }
            for row in template.rows {
                if let Some(value) = element.object.get(row.member)
                    && row.form.reads(value)
                {
                    own.row(row, value, &place.member(row.member));
                    shown.push(row.member);
                }
            }
            let properties = element.object.get("properties").and_then(Json::as_object).unwrap_or_default();
            if template.properties && !properties.is_empty() {
                own.properties(properties, &place.member("properties"));
                shown.push("properties");
            }
        }
        for (name, value) in element.object.as_object().unwrap_or_default() {
            if !shown.contains(&name.as_str()) {
                let mut place = place.member(name);
                if template.is_some() && name == "type" {
                    place.least = FOLDED;
                }
                own.leaves(value, &place);
            }
        }
        template.is_some()
    }

    fn row(&mut self, row: &DetailRow, value: &Json, place: &Place) {
        match row.form {
            Form::Money => {
                let money = table::money(value).expect("the row reads it");
                self.known(row, &place.pointer, money);
            }
            Form::Texts => {
                for (at, text) in value.as_array().unwrap_or_default().iter().enumerate() {
                    let text = table::literal(text).unwrap_or_default();
                    self.known(row, &place.element(at).pointer, LineValue::Text(escape_block(text)));
                }
            }
            Form::Account => self.account(row, value, place),
            Form::Accounts => {
                for (at, account) in value.as_array().unwrap_or_default().iter().enumerate() {
                    self.account(row, account, &place.element(at));
                }
            }
            Form::Day => self.known(row, &place.pointer, LineValue::Date(literal_of(value))),
            Form::Name | Form::Text | Form::Literal => {
                self.known(row, &place.pointer, LineValue::Text(literal_of(value)));
            }
        }
    }

    fn account(&mut self, row: &DetailRow, account: &Json, place: &Place) {
        let Some((named, number)) = table::account_number(account) else { return };
        self.known(row, &place.member(named).pointer, LineValue::Account(escape(number)));
        for (name, value) in account.as_object().unwrap_or_default() {
            if name != named {
                self.leaves(value, &place.member(name));
            }
        }
    }

    /// Auth0's properties in their order, each under its `name`.
    fn properties(&mut self, properties: &[(String, Json)], place: &Place) {
        let mut ordered: Vec<_> = properties.iter().collect();
        ordered.sort_by_key(|(_, property)| display_order(property).unwrap_or(u64::MAX));
        for (key, property) in ordered {
            let mut own = place.member(key);
            if property.get("display") == Some(&Json::Bool(false)) {
                own.least = FOLDED;
            }
            let (Some(value), Some(members)) = (property.get("value"), property.as_object()) else {
                self.leaves(property, &own);
                continue;
            };
            let mut valued = own.member("value");
            valued.path = escape(key);
            valued.named = own.named.clone();
            if let Some(name) = property.get("name").and_then(Json::as_str) {
                valued.path = escape(name);
                valued.named = Some((Source::details(&own.member("name").pointer), escape(name)));
            }
            self.leaves(value, &valued);
            for (member, value) in members {
                let needs_none = match member.as_str() {
                    "value" => true,
                    "name" => value.as_str().is_some(),
                    "display" => matches!(value, Json::Bool(_)),
                    "display_order" => display_order(property).is_some(),
                    _ => false,
                };
                if !needs_none {
                    let mut beside = own.member(member);
                    beside.path = format!("{} › {}", valued.path, escape(member));
                    self.leaves(value, &beside);
                }
            }
        }
    }

    /// A line for each leaf, under the client's own name for it.
    fn leaves(&mut self, value: &Json, place: &Place) {
        if let Some(literal) = table::literal(value) {
            let (label_from, name) = match &place.named {
                Some((source, name)) => (Some(source.clone()), name.clone()),
                None => (None, String::new()),
            };
            let caption = LineCaption::Member { name, path: place.path.clone() };
            return self.push(
                Role::ClientDetail,
                &place.pointer,
                label_from,
                LineValue::Text(escape_block(literal)),
                (place.least, place.least),
                caption,
            );
        }
        for (at, element) in value.as_array().unwrap_or_default().iter().enumerate() {
            self.leaves(element, &place.element(at));
        }
        for (name, member) in value.as_object().unwrap_or_default() {
            self.leaves(member, &place.member(name));
        }
    }

    fn known(&mut self, row: &DetailRow, pointer: &str, value: LineValue) {
        let least = if matches!(row.role, Role::Amount | Role::Payee) { table::FIRST } else { MAIN };
        let caption = LineCaption::Known(row.caption, Vec::new());
        self.push(row.role, pointer, None, value, (least, row.prominence), caption);
    }

    fn push(
        &mut self,
        role: Role,
        pointer: &str,
        label_from: Option<Source>,
        value: LineValue,
        (least, prominence): (u8, u8),
        caption: LineCaption,
    ) {
        let from = Source::details(pointer);
        let element = Some(self.element);
        self.lines.push(ExpectedLine { role, from, label_from, value, least, prominence, caption, element });
    }
}

fn literal_of(value: &Json) -> String {
    escape_block(table::literal(value).unwrap_or_default())
}

/// A property's `display_order`, as a number or a string of digits.
fn display_order(property: &Json) -> Option<u64> {
    match property.get("display_order") {
        Some(Json::Number(text) | Json::String(text)) => text.parse().ok(),
        _ => None,
    }
}

/// The caption of an element's section.
pub(super) fn heading(recognised: bool) -> Caption {
    if recognised { Caption::Part } else { Caption::AsNamed }
}
