/// What the page does beyond being read: sorting, filtering, saving tables. All of it can be read without.
enum PageScript {
  static let javascript = """
    "use strict";(()=>{
    const all=(s,e=document)=>[...e.querySelectorAll(s)];
    const make=(tag,props)=>Object.assign(document.createElement(tag),props);
    const value=c=>{const t=(c.dataset.v??c.textContent).trim(),n=parseFloat(t.replace(/[,\\u2009]/g,""));
    return /^[-−+]?[\\d.,]+/.test(t)&&!Number.isNaN(n)?n:t};
    // Sorting: the heading becomes a button.
    all("table.data").forEach(table=>{const body=table.tBodies[0];if(!body||body.rows.length<3)return;
    all("thead th",table).forEach((th,i)=>{const b=make("button",{type:"button",textContent:th.textContent});
    th.replaceChildren(b);b.addEventListener("click",()=>{
    const up=th.getAttribute("aria-sort")!=="ascending";
    all("thead th",table).forEach(o=>o.removeAttribute("aria-sort"));
    th.setAttribute("aria-sort",up?"ascending":"descending");
    const rows=[...body.rows].map((r,k)=>[value(r.cells[i]),k,r]);
    rows.sort((a,b)=>{const d=typeof a[0]==="number"&&typeof b[0]==="number"?a[0]-b[0]:
    String(a[0]).localeCompare(String(b[0]));return (up?d:-d)||a[1]-b[1]});
    body.append(...rows.map(r=>r[2]))})})});
    // Saving: quotes doubled, and nothing that a spreadsheet would take for a formula.
    const field=t=>{t=t.replace(/\\s+/g," ").trim();if(/^[=+@\\t]|^-(?![\\d.])/.test(t))t="'"+t;
    return /[",\\n]/.test(t)?'"'+t.replace(/"/g,'""')+'"':t};
    const words=c=>c.dataset.csv??c.textContent;
    const save=table=>{const name=(table.caption?.textContent||"table").toLowerCase().replace(/[^a-z0-9]+/g,"-");
    const text=[...table.rows].filter(r=>!r.hidden).map(r=>[...r.cells].map(c=>field(words(c))).join(",")).join("\\r\\n");
    const url=URL.createObjectURL(new Blob([text+"\\r\\n"],{type:"text/csv"}));
    make("a",{href:url,download:name+".csv"}).click();setTimeout(()=>URL.revokeObjectURL(url),1000)};
    all("table.data").forEach(table=>{const b=make("button",{type:"button",className:"act",textContent:"Save as CSV"});
    b.setAttribute("aria-label","Save as CSV: "+(table.caption?.textContent||"table"));
    b.addEventListener("click",()=>save(table));const tools=document.getElementById(table.dataset.tools||"");
    if(tools)tools.append(b);else table.parentElement.after(b)});
    // Filtering the test rows.
    const rows=all("#rows tbody tr"),tools=document.getElementById("row-tools");
    if(tools&&rows.length){let kind="",pair=null,query="";
    const out=make("output",{});out.setAttribute("aria-live","polite");
    const apply=()=>{let n=0;rows.forEach(r=>{const on=(!kind||(" "+r.dataset.f+" ").includes(" "+kind+" "))
    &&(!pair||r.dataset.l===pair[0]&&r.dataset.p===pair[1])&&(!query||r.textContent.toLowerCase().includes(query));
    r.hidden=!on;if(on)n++});out.textContent=n===rows.length?n+" rows":n+" of "+rows.length+" rows"};
    const buttons=[["","All"],["wrong","Wrong"],["close","Close calls"],["unseen","Tokens never trained"],
    ["trained","Also in training"]]
    .filter(([k])=>!k||rows.some(r=>(" "+r.dataset.f+" ").includes(" "+k+" ")))
    .map(([k,t])=>{const b=make("button",{type:"button",className:"act",textContent:t});
    b.addEventListener("click",()=>{kind=k;pair=null;mark();apply()});b.kind=k;return b});
    const mark=()=>buttons.forEach(b=>b.setAttribute("aria-pressed",String(!pair&&b.kind===kind)));
    const find=make("input",{type:"search",className:"find",placeholder:"Find in rows"});
    find.setAttribute("aria-label","Find in rows");
    find.addEventListener("input",()=>{query=find.value.trim().toLowerCase();apply()});
    tools.prepend(...buttons,find,out);mark();apply();
    all("td[data-l][data-p]").forEach(td=>{if(td.classList.contains("zero"))return;
    const b=make("button",{type:"button"});b.append(...td.childNodes);td.append(b);
    b.setAttribute("aria-label",td.getAttribute("aria-label")+". Show these rows.");
    b.addEventListener("click",()=>{pair=[td.dataset.l,td.dataset.p];kind="";mark();apply();
    const h=document.getElementById("rows-h");h.scrollIntoView();h.focus({preventScroll:true})})})}
    // Copying the command.
    all("pre[data-copy]").forEach(pre=>{if(!navigator.clipboard)return;
    const b=make("button",{type:"button",className:"act",textContent:"Copy"});
    b.addEventListener("click",()=>navigator.clipboard.writeText(pre.textContent).then(()=>{b.textContent="Copied";
    setTimeout(()=>b.textContent="Copy",1500)}));pre.after(b)});
    // Paper shows everything.
    let shut=[];addEventListener("beforeprint",()=>{shut=all("details.print:not([open])");shut.forEach(d=>d.open=true)});
    addEventListener("afterprint",()=>shut.forEach(d=>d.open=false));
    })();
    """
}
