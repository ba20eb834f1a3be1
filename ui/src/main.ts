// Entry point: mounts the page on the Tauri backend.

import { mount } from "svelte";

import App from "./App.svelte";
import { tauri } from "./backend/tauri";
import "./tokens.css";
import "./base.css";

mount(App, { target: document.getElementById("app") ?? document.body, props: { backend: tauri } });
